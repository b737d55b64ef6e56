package io.kiln.engine.zero;

/** When a block's gradient leaves for its owners. */
public enum GradientDeparture {
  /** Kept whole through the accumulation; leaves during the last micro-batch's backward. */
  AT_BORDER,
  /** Leaves after every micro-batch, so that no rank keeps a whole gradient. */
  EACH_MICRO_BATCH
}
