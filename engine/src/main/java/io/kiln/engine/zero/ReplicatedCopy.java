package io.kiln.engine.zero;

import org.bytedeco.pytorch.Tensor;

/** Every rank has updated everything itself: nothing to wait for. */
final class ReplicatedCopy implements WorkingCopy {
  private final Tensor flat;
  private final Tensor master;

  /**
   * @param flat {@code [elements]}, working dtype
   * @param master {@code [elements]} fp32; the same tensor where the working dtype is fp32
   */
  ReplicatedCopy(Tensor flat, Tensor master) {
    this.flat = flat;
    this.master = master;
  }

  @Override
  public Tensor flat() {
    return flat;
  }

  @Override
  public void prefetch() {}

  @Override
  public void acquire() {}

  @Override
  public void refresh() {
    if (master != flat) {
      flat.copy_(master);
    }
  }
}
