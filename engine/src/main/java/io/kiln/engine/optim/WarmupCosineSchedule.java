package io.kiln.engine.optim;

/**
 * DeepSpeed's WarmupCosineLR: ratios of the optimizer's rate. The first step's is 0 whatever the
 * minimum; after the warm-up half a cosine falls to {@code cosineMinimum}, where it stays.
 */
record WarmupCosineSchedule(
    double rate,
    double warmupMinimum,
    double cosineMinimum,
    DeepSpeedWarmup warmup,
    long totalSteps)
    implements Schedule {
  @Override
  public double learningRate(long applied) {
    long position = DeepSpeedWarmup.position(applied);
    if (position < 0) {
      return 0;
    }
    if (warmup.covers(position)) {
      return rate * (warmupMinimum + (1 - warmupMinimum) * warmup.fraction(position));
    }
    double progress =
        Math.min(
            1.0,
            (double) (position - warmup.steps() + 1) / Math.max(1, totalSteps - warmup.steps()));
    double height = (1 + Math.cos(Math.PI * progress)) / 2;
    return rate * Math.max(0, cosineMinimum + (1 - cosineMinimum) * height);
  }
}
