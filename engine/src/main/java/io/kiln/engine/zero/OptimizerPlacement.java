package io.kiln.engine.zero;

/** Where master weights and optimizer state are. */
public enum OptimizerPlacement {
  /** Every rank has all of it and does the same update. */
  WHOLE,
  /** A rank has and updates its own shard only. */
  SHARD
}
