package io.kiln.engine.optim;

/**
 * DeepSpeed's WarmupDecayLR: from the minimum to the maximum and back in a straight line that ends
 * at {@code totalSteps}.
 */
record WarmupDecaySchedule(double minimum, double maximum, DeepSpeedWarmup warmup, long totalSteps)
    implements Schedule {
  @Override
  public double learningRate(long applied) {
    long position = DeepSpeedWarmup.position(applied);
    if (position < 0) {
      return minimum;
    }
    double height =
        warmup.covers(position)
            ? warmup.fraction(position)
            : Math.max(
                0, (double) (totalSteps - position) / Math.max(1, totalSteps - warmup.steps()));
    return minimum + (maximum - minimum) * height;
  }
}
