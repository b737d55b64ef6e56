package io.kiln.engine.comm;

/** Sums a few host numbers in rank order. Without any it is a barrier. */
final class NumbersExchange extends Exchange {
  private final Rings rings;
  private final double[] values;
  private final double[] sums;
  private final int step;

  NumbersExchange(Rings rings, double[] values) {
    super(
        values.length == 0 ? Kind.BARRIER : Kind.SUM,
        (long) values.length * Double.BYTES,
        Math.max(1, ceilDiv(values.length, rings.slotLength(Double.BYTES))));
    this.rings = rings;
    this.values = values;
    this.sums = new double[values.length];
    this.step = (int) rings.slotLength(Double.BYTES);
  }

  double[] sums() {
    return sums;
  }

  private int end(long round) {
    return (int) Math.min(values.length, (round + 1) * step);
  }

  @Override
  void deposit(long round, long global) {
    int start = (int) round * step;
    for (int i = start; i < end(round); i++) {
      rings.number(global, i - start, values[i]);
    }
  }

  @Override
  void collect(long round, long global) {
    int start = (int) round * step;
    for (int i = start; i < end(round); i++) {
      double total = 0;
      for (int r = 0; r < rings.size(); r++) {
        double value = r == rings.rank() ? values[i] : rings.number(r, global, i - start);
        total = r == 0 ? value : total + value;
      }
      sums[i] = total;
    }
  }
}
