package io.kiln.engine.zero;

/** How long a rank has the working parameters of other ranks' shards. */
public enum ParameterResidency {
  /** Always; refreshed once a step. */
  WHOLE,
  /** From just before a block runs until another block needs the buffer. */
  GATHERED
}
