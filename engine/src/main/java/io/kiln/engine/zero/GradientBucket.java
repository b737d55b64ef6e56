package io.kiln.engine.zero;

import io.kiln.engine.comm.Pending;
import org.bytedeco.pytorch.Tensor;

/** A buffer that several blocks' gradients wait in until they have left, one block's at a time. */
final class GradientBucket {
  private final Tensor memory;
  private Pending leaving = Pending.DONE;

  GradientBucket(Tensor memory) {
    this.memory = memory;
  }

  Tensor memory() {
    return memory;
  }

  /** Waits until what was in it has left. */
  void claim() {
    leaving.await();
    leaving = Pending.DONE;
  }

  /** What is in it is on its way. */
  void leave(Pending pending) {
    leaving = pending;
  }
}
