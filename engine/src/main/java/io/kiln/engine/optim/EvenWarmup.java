package io.kiln.engine.optim;

/**
 * A warm-up in {@code steps} equal steps that starts above 0 and reaches the maximum right behind
 * it, as nanoGPT's.
 */
record EvenWarmup(double maximum, long steps) {
  boolean covers(long applied) {
    return applied < steps;
  }

  double rate(long applied) {
    return maximum * (applied + 1) / (steps + 1);
  }

  /** How much of the way from the end of the warm-up to {@code totalSteps} is gone, 0 to 1. */
  double progress(long applied, long totalSteps) {
    return applied >= totalSteps ? 1 : (double) (applied - steps) / (totalSteps - steps);
  }
}
