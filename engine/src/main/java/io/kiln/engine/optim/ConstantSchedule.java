package io.kiln.engine.optim;

/** The maximum for ever, after a warm-up. */
record ConstantSchedule(EvenWarmup warmup) implements Schedule {
  @Override
  public double learningRate(long applied) {
    return warmup.covers(applied) ? warmup.rate(applied) : warmup.maximum();
  }
}
