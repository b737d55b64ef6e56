package io.kiln.engine.model;

/**
 * What a forward pass depends on beside weights and input. Random draws (dropout) are a function of
 * these values and the block, never of rank or time, so that they are the same on any number of
 * ranks and when a block is run again in backward.
 *
 * @param training whether dropout is on
 * @param seed the run's seed
 * @param step the training step, from 1
 * @param firstRow index in the global batch of the micro-batch's first row
 */
public record Pass(boolean training, long seed, long step, long firstRow) {
  /** Without dropout. */
  public static Pass evaluation() {
    return new Pass(false, 0, 0, 0);
  }
}
