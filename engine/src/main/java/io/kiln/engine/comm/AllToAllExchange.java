package io.kiln.engine.comm;

/** Every rank deposits a part for each other and copies the parts meant for it. */
final class AllToAllExchange extends Exchange {
  private final Rings rings;
  private final Span input;
  private final Span output;
  private final long part;
  private final long step;

  /**
   * @param input bytes
   * @param output bytes; may be the input's own
   */
  AllToAllExchange(Rings rings, Span input, Span output) {
    super(
        Kind.ALL_TO_ALL,
        input.length(),
        ceilDiv(input.length() / rings.size(), rings.partLength(1)),
        input,
        output);
    this.rings = rings;
    this.input = input;
    this.output = output;
    this.part = input.length() / rings.size();
    this.step = rings.partLength(1);
  }

  private long count(long round) {
    return Math.min(step, part - round * step);
  }

  @Override
  void deposit(long round, long global) {
    int rank = rings.rank();
    long at = round * step;
    for (int to = 0; to < rings.size(); to++) {
      if (to == rank) {
        Span.copy(input, to * part + at, output, to * part + at, count(round));
      } else {
        Span slot = rings.ring(rank, input.type(), 1);
        long start = rings.partStart(global, rank, to, 1);
        Span.copy(input, to * part + at, slot, start, count(round));
      }
    }
  }

  @Override
  void collect(long round, long global) {
    int rank = rings.rank();
    for (int r = 0; r < rings.size(); r++) {
      if (r != rank) {
        Span slot = rings.ring(r, input.type(), 1);
        long start = rings.partStart(global, r, rank, 1);
        Span.copy(slot, start, output, r * part + round * step, count(round));
      }
    }
  }
}
