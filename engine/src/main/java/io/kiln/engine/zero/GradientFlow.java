package io.kiln.engine.zero;

import org.bytedeco.pytorch.Tensor;

/** The way of a block's gradient from autograd to its owners, in order of these calls. */
sealed interface GradientFlow
    permits BorderGradients, WidenedGradients, DepartingGradients, ReplicatedGradients {
  /** {@code [layout.elements]}: what autograd adds to, working dtype. */
  Tensor flat();

  /**
   * Before the block's backward: {@link #flat()} is ready to be added to.
   *
   * @param first whether this is the step's first micro-batch
   */
  void open(boolean first);

  /**
   * After the block's backward.
   *
   * @param last whether this is the step's last micro-batch
   */
  void close(boolean first, boolean last);

  /** Waits until this rank's shard of the sum over ranks and micro-batches is here. */
  void finish();

  /**
   * Waits until all that the optimizer reads is here: more than the shard where it updates more.
   */
  default void settle() {}
}
