package io.kiln.engine.train;

/**
 * Where a step's wall time went on one rank, in milliseconds.
 *
 * @param data waiting for the micro-batches
 * @param forward forward passes and the loss
 * @param backward backward passes, gradients on their way included
 * @param reduce waiting for the last gradients, and the norm
 * @param update optimizer, and new values on their way
 * @param between from the end of this training's step before to the beginning of this one: what was
 *     told, checkpointed and evaluated; 0 before its first
 */
public record StepTimes(
    double data, double forward, double backward, double reduce, double update, double between) {
  /** The whole step, without what came before it. */
  public double total() {
    return data + forward + backward + reduce + update;
  }

  /** From the end of the step before to the end of this one. */
  public double wall() {
    return between + total();
  }
}
