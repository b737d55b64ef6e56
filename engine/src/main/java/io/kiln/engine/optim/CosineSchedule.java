package io.kiln.engine.optim;

/**
 * Half a cosine from the maximum to the minimum (Loshchilov and Hutter 2017, equation 5), begun
 * again {@code cycles - 1} times at equal distances; the minimum from {@code totalSteps} on.
 */
record CosineSchedule(EvenWarmup warmup, double minimum, long totalSteps, long cycles)
    implements Schedule {
  @Override
  public double learningRate(long applied) {
    if (warmup.covers(applied)) {
      return warmup.rate(applied);
    }
    double progress = warmup.progress(applied, totalSteps);
    if (progress >= 1) {
      return minimum;
    }
    double height = 0.5 * (1 + Math.cos(Math.PI * ((progress * cycles) % 1)));
    return minimum + height * (warmup.maximum() - minimum);
  }
}
