package io.kiln.engine.optim;

/** Multiplied by {@code gamma} every step behind the warm-up, down to the minimum. */
record ExponentialSchedule(EvenWarmup warmup, double minimum, double gamma) implements Schedule {
  @Override
  public double learningRate(long applied) {
    return warmup.covers(applied)
        ? warmup.rate(applied)
        : Math.max(minimum, warmup.maximum() * Math.pow(gamma, applied - warmup.steps()));
  }
}
