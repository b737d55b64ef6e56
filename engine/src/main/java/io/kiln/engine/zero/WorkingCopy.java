package io.kiln.engine.zero;

import org.bytedeco.pytorch.Tensor;

/** The parameters that a block computes with, in the working dtype. */
sealed interface WorkingCopy permits ReplicatedCopy, RefreshedCopy, GatheredCopy {
  /** {@code [layout.elements]}: the tensor that the block's weights are views of, for good. */
  Tensor flat();

  /** Begins to bring the values here, if they are not. */
  void prefetch();

  /** Waits until {@link #flat()} holds the values of the last update. */
  void acquire();

  /** The master weights have moved. */
  void refresh();

  /** Ends what is under way. */
  default void settle() {}
}
