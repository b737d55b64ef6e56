package io.kiln.engine.train;

/**
 * Where a step's wall time went on one rank, in milliseconds.
 *
 * @param data waiting for the micro-batches
 * @param forward forward passes and the loss
 * @param backward backward passes, gradients on their way included
 * @param reduce waiting for the last gradients, and the norm
 * @param update optimizer, and new values on their way
 */
public record StepTimes(
    double data, double forward, double backward, double reduce, double update) {
  /** The whole step. */
  public double total() {
    return data + forward + backward + reduce + update;
  }
}
