package io.kiln.engine.comm;

/** Every rank deposits and the next one copies. */
final class ShiftExchange extends Exchange {
  private final Rings rings;
  private final Span output;
  private final Span input;
  private final int previous;
  private final long step;

  /** Of the bytes of both. */
  ShiftExchange(Rings rings, Span output, Span input) {
    super(
        Kind.SHIFT, output.length(), ceilDiv(output.length(), rings.slotLength(1)), output, input);
    this.rings = rings;
    this.output = output;
    this.input = input;
    this.previous = (rings.rank() + rings.size() - 1) % rings.size();
    this.step = rings.slotLength(1);
  }

  @Override
  boolean reads(int peer) {
    return peer == previous;
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
    Span slot = rings.ring(previous, input.type(), 1);
    Span.copy(slot, rings.slotStart(global, 1), input, round * step, count(round));
  }
}
