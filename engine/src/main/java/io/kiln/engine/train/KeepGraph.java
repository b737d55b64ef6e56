package io.kiln.engine.train;

import io.kiln.engine.model.Block;
import io.kiln.engine.model.Pass;
import io.kiln.engine.model.Weights;
import io.kiln.engine.tensor.NativeOwner;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;

/** Keeps autograd's graph of the block: the most memory, nothing computed twice. */
public final class KeepGraph implements Retention {
  @Override
  public Kept run(Block block, Weights weights, Tensor input, Pass pass) {
    try (PointerScope scope = new PointerScope()) {
      Tensor leaf = input.detach();
      if (leaf.is_floating_point()) {
        leaf.set_requires_grad(true);
      }
      Tensor output = block.forward(weights, leaf, pass);
      return new Graph(leaf, output);
    }
  }

  private static final class Graph implements Kept {
    private final NativeOwner owner = new NativeOwner();
    private final Tensor leaf;
    private final Tensor result;
    private final Tensor output;

    Graph(Tensor leaf, Tensor result) {
      this.leaf = owner.own(leaf);
      this.result = owner.own(result);
      this.output = owner.own(result.detach());
    }

    @Override
    public Tensor output() {
      return output;
    }

    @Override
    public Tensor backward(Tensor gradient) {
      result.backward(gradient, new BoolOptional(false), false, new TensorArrayRefOptional());
      // grad() is a reference into the leaf, which does not live as long.
      return new Tensor(leaf.grad());
    }

    @Override
    public void close() {
      owner.close();
    }
  }
}
