package io.kiln.engine.comm;

/**
 * Every rank deposits the whole and adds up all of it: one round trip, and between two ranks no
 * more traffic than a reduce-scatter and an all-gather.
 */
final class AllReduceExchange extends Exchange {
  private final Rings rings;
  private final RankOrderSum sum;
  private final Span tensor;
  private final long step;
  private final Span[] terms;
  private final long[] from;

  AllReduceExchange(Rings rings, RankOrderSum sum, Span tensor) {
    super(
        Kind.ALL_REDUCE,
        tensor.length() * tensor.elementBytes(),
        ceilDiv(tensor.length(), rings.slotLength(tensor.elementBytes())),
        tensor);
    this.rings = rings;
    this.sum = sum;
    this.tensor = tensor;
    this.step = rings.slotLength(tensor.elementBytes());
    this.terms = new Span[rings.size()];
    this.from = new long[rings.size()];
    for (int r = 0; r < terms.length; r++) {
      terms[r] = r == rings.rank() ? tensor : rings.ring(r, tensor.type(), tensor.elementBytes());
    }
  }

  private long count(long round) {
    return Math.min(step, tensor.length() - round * step);
  }

  @Override
  void deposit(long round, long global) {
    Span slot = rings.ring(rings.rank(), tensor.type(), tensor.elementBytes());
    long start = rings.slotStart(global, tensor.elementBytes());
    Span.copy(tensor, round * step, slot, start, count(round));
  }

  @Override
  void collect(long round, long global) {
    for (int r = 0; r < from.length; r++) {
      from[r] = r == rings.rank() ? round * step : rings.slotStart(global, tensor.elementBytes());
    }
    sum.into(tensor, round * step, terms, from, count(round), false);
  }
}
