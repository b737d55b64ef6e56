package io.kiln.engine.comm;

/** Every rank deposits the parts of its input that others own and adds up its own part. */
final class ReduceScatterExchange extends Exchange {
  private final Rings rings;
  private final RankOrderSum sum;
  private final Span input;
  private final Span output;
  private final boolean accumulate;
  private final long part;
  private final long step;
  private final Span[] terms;
  private final long[] from;

  ReduceScatterExchange(
      Rings rings, RankOrderSum sum, Span input, Span output, boolean accumulate) {
    super(
        Kind.REDUCE_SCATTER,
        input.length() * input.elementBytes(),
        ceilDiv(input.length() / rings.size(), rings.partLength(input.elementBytes())),
        input,
        output);
    this.rings = rings;
    this.sum = sum;
    this.input = input;
    this.output = output;
    this.accumulate = accumulate;
    this.part = input.length() / rings.size();
    this.step = rings.partLength(input.elementBytes());
    this.terms = new Span[rings.size()];
    this.from = new long[rings.size()];
    for (int r = 0; r < terms.length; r++) {
      terms[r] = r == rings.rank() ? input : rings.ring(r, input.type(), input.elementBytes());
    }
  }

  private long count(long round) {
    return Math.min(step, part - round * step);
  }

  @Override
  void deposit(long round, long global) {
    int rank = rings.rank();
    Span slot = rings.ring(rank, input.type(), input.elementBytes());
    for (int to = 0; to < rings.size(); to++) {
      if (to != rank) {
        long start = rings.partStart(global, rank, to, input.elementBytes());
        Span.copy(input, to * part + round * step, slot, start, count(round));
      }
    }
  }

  @Override
  void collect(long round, long global) {
    int rank = rings.rank();
    for (int r = 0; r < from.length; r++) {
      from[r] =
          r == rank
              ? rank * part + round * step
              : rings.partStart(global, r, rank, input.elementBytes());
    }
    sum.into(output, round * step, terms, from, count(round), accumulate);
  }
}
