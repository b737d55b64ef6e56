package io.kiln.engine.zero;

import io.kiln.engine.comm.Pending;
import org.bytedeco.pytorch.Tensor;

/** A whole gradient that autograd accumulates into; it leaves once, with the last micro-batch. */
final class BorderGradients implements GradientFlow {
  private final Tensor whole;
  private final GradientMessages messages;
  private Pending leaving = Pending.DONE;

  BorderGradients(Tensor whole, GradientMessages messages) {
    this.whole = whole;
    this.messages = messages;
  }

  @Override
  public Tensor flat() {
    return whole;
  }

  @Override
  public void open(boolean first) {
    if (first) {
      whole.zero_();
    }
  }

  @Override
  public void close(boolean first, boolean last) {
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
