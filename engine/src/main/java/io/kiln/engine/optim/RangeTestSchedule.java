package io.kiln.engine.optim;

/** DeepSpeed's LRRangeTest: grows by {@code rate} of the minimum every {@code size} steps. */
record RangeTestSchedule(double minimum, long size, double rate, boolean staircase)
    implements Schedule {
  @Override
  public double learningRate(long applied) {
    double intervals = (double) applied / size;
    return minimum * (1 + rate * (staircase ? Math.floor(intervals) : intervals));
  }
}
