package io.kiln.engine.optim;

/** DeepSpeed's WarmupLR: from the minimum to the maximum, where it stays. */
record WarmupSchedule(double minimum, double maximum, DeepSpeedWarmup warmup) implements Schedule {
  @Override
  public double learningRate(long applied) {
    long position = DeepSpeedWarmup.position(applied);
    if (position < 0) {
      return minimum;
    }
    return warmup.covers(position)
        ? minimum + (maximum - minimum) * warmup.fraction(position)
        : maximum;
  }
}
