package io.kiln.engine.zero;

import org.bytedeco.pytorch.Tensor;

/** A buffer that several blocks' parameters are gathered into, one block's at a time. */
final class GatheredBuffer {
  private final Tensor memory;
  private GatheredCopy occupant;

  GatheredBuffer(Tensor memory) {
    this.memory = memory;
  }

  Tensor memory() {
    return memory;
  }

  boolean holds(GatheredCopy copy) {
    return occupant == copy;
  }

  /** From here on the bytes are {@code copy}'s. */
  void occupy(GatheredCopy copy) {
    if (occupant != null && occupant != copy) {
      occupant.settle();
    }
    occupant = copy;
  }
}
