package io.kiln.engine.comm;

/** Every rank deposits and the one that it is meant for copies. */
final class PassExchange extends Exchange {
  private final Rings rings;
  private final Span output;
  private final Span input;
  private final int source;
  private final long step;

  /** Of the bytes of both. */
  PassExchange(Rings rings, Span output, Span input, int source) {
    super(Kind.PASS, output.length(), ceilDiv(output.length(), rings.slotLength(1)), output, input);
    this.rings = rings;
    this.output = output;
    this.input = input;
    this.source = source;
    this.step = rings.slotLength(1);
  }

  @Override
  boolean reads(int peer) {
    return peer == source;
  }

  private long count(long round) {
    return Math.min(step, output.length() - round * step);
  }

  @Override
  void deposit(long round, long global) {
    Span slot = rings.ring(rings.rank(), output.type(), 1);
    Span.copy(output, round * step, slot, rings.slotStart(global, 1), count(round));
  }

  @Override
  void collect(long round, long global) {
    Span slot = rings.ring(source, input.type(), 1);
    Span.copy(slot, rings.slotStart(global, 1), input, round * step, count(round));
  }
}
