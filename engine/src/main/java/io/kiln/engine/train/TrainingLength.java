package io.kiln.engine.train;

/**
 * How long to train and when to look.
 *
 * @param steps to take
 * @param evaluationInterval steps between evaluations; 0 for one at the end only
 * @param evaluationSteps micro-batches a rank and evaluation at the most
 */
public record TrainingLength(long steps, long evaluationInterval, long evaluationSteps) {
  public TrainingLength {
    if (steps < 1 || evaluationInterval < 0 || evaluationSteps < 1) {
      throw new IllegalArgumentException(
          "a run takes at least one step (%d), evaluates every 0 or more (%d), by at least one (%d)"
              .formatted(steps, evaluationInterval, evaluationSteps));
    }
  }

  /** Whether there is an evaluation after this step. */
  boolean evaluatesAfter(long step) {
    return step == steps || evaluationInterval > 0 && step % evaluationInterval == 0;
  }
}
