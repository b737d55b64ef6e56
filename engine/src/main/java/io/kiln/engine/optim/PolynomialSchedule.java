package io.kiln.engine.optim;

/** From the maximum to the minimum with a power of the remaining part; power 1 is a line. */
record PolynomialSchedule(EvenWarmup warmup, double minimum, long totalSteps, double power)
    implements Schedule {
  @Override
  public double learningRate(long applied) {
    if (warmup.covers(applied)) {
      return warmup.rate(applied);
    }
    double remaining = 1 - warmup.progress(applied, totalSteps);
    return minimum + (warmup.maximum() - minimum) * Math.pow(remaining, power);
  }
}
