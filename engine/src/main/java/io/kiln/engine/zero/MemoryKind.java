package io.kiln.engine.zero;

/** What a long-lived buffer is for. */
public enum MemoryKind {
  /** Working parameters: the whole copy, or the own shard where they are gathered. */
  PARAMETERS,
  /** Accumulated gradients: whole or the own shard. */
  GRADIENTS,
  /** Optimizer state, and the fp32 master weights where the working parameters are narrower. */
  OPTIMIZER,
  /** Buffers that other ranks' shards are gathered into for the time of their use. */
  GATHERED,
  /** Buffers that a block's gradient waits in until it has left. */
  BUCKETS;

  /** As summary.json spells it. */
  public String label() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }
}
