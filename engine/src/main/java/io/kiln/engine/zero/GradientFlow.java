package io.kiln.engine.zero;

/** The way of a block's gradient from autograd to its owners, in order of these calls. */
sealed interface GradientFlow permits BorderGradients, DepartingGradients, ReplicatedGradients {
  /**
   * The block's backward is done.
   *
   * @param first whether this is the step's first micro-batch
   * @param last whether this is the step's last micro-batch
   */
  void ready(boolean first, boolean last);

  /** Waits until this rank's shard of the sum over ranks and micro-batches is here. */
  void finish();

  /**
   * Waits until all that the optimizer reads is here: more than the shard where it updates more.
   */
  default void settle() {}
}
