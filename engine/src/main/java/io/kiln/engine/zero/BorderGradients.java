package io.kiln.engine.zero;

import io.kiln.engine.comm.Pending;
import org.bytedeco.pytorch.Tensor;

/**
 * A whole gradient that is accumulated here and leaves once, with the last micro-batch. It is fp32
 * where it is a sum: many micro-batches would lose their small terms in 8 bits of precision.
 */
final class BorderGradients implements GradientFlow {
  private final LeafGradients leaves;
  private final Tensor whole;
  private final GradientMessages messages;
  private Pending leaving = Pending.DONE;

  /**
   * @param leaves whose places are views of {@code whole}
   * @param whole {@code [elements]}
   */
  BorderGradients(LeafGradients leaves, Tensor whole, GradientMessages messages) {
    this.leaves = leaves;
    this.whole = whole;
    this.messages = messages;
  }

  @Override
  public void ready(boolean first, boolean last) {
    if (first) {
      leaves.move();
    } else {
      leaves.add();
    }
    if (last) {
      leaving = messages.reduce(whole, false);
    }
  }

  @Override
  public void finish() {
    leaving.await();
    leaving = Pending.DONE;
  }
}
