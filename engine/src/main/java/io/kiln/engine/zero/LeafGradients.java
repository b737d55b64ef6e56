package io.kiln.engine.zero;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * The gradients that a backward left on a block's parameters, and their places in a flat gradient.
 * The leaves start a backward without a gradient, so autograd hands over what it computed instead
 * of adding it to zeros; moving it costs one pass, and none over memory that had to be cleared.
 */
final class LeafGradients {
  private final List<Tensor> leaves;
  private final List<Tensor> places;
  private final List<Tensor> gaps;

  /**
   * @param leaves parameters
   * @param places views of the flat gradient, each of its parameter's shape
   * @param gaps the parts of the flat gradient between and behind those
   */
  LeafGradients(List<Tensor> leaves, List<Tensor> places, List<Tensor> gaps) {
    this.leaves = List.copyOf(leaves);
    this.places = List.copyOf(places);
    this.gaps = List.copyOf(gaps);
  }

  /** Overwrites the flat gradient; the leaves have none afterwards. */
  void move() {
    gaps.forEach(Tensor::zero_);
    for (int i = 0; i < leaves.size(); i++) {
      Tensor gradient = leaves.get(i).mutable_grad();
      if (gradient.defined()) {
        places.get(i).copy_(gradient);
        gradient.put(new Tensor());
      } else {
        places.get(i).zero_();
      }
    }
  }

  /** Adds to the flat gradient; the leaves have none afterwards. */
  void add() {
    for (int i = 0; i < leaves.size(); i++) {
      Tensor gradient = leaves.get(i).mutable_grad();
      if (gradient.defined()) {
        places.get(i).add_(gradient);
        gradient.put(new Tensor());
      }
    }
  }
}
