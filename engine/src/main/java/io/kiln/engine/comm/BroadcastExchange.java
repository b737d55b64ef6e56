package io.kiln.engine.comm;

/** The root deposits, the others copy. */
final class BroadcastExchange extends Exchange {
  private final Rings rings;
  private final Span bytes;
  private final int root;
  private final long step;

  BroadcastExchange(Rings rings, Span bytes, int root) {
    super(Kind.BROADCAST, bytes.length(), ceilDiv(bytes.length(), rings.slotLength(1)), bytes);
    this.rings = rings;
    this.bytes = bytes;
    this.root = root;
    this.step = rings.slotLength(1);
  }

  @Override
  boolean deposits() {
    return rings.rank() == root;
  }

  @Override
  boolean reads(int peer) {
    return peer == root;
  }

  private long count(long round) {
    return Math.min(step, bytes.length() - round * step);
  }

  @Override
  void deposit(long round, long global) {
    if (rings.rank() == root) {
      Span slot = rings.ring(root, bytes.type(), 1);
      Span.copy(bytes, round * step, slot, rings.slotStart(global, 1), count(round));
    }
  }

  @Override
  void collect(long round, long global) {
    if (rings.rank() != root) {
      Span slot = rings.ring(root, bytes.type(), 1);
      Span.copy(slot, rings.slotStart(global, 1), bytes, round * step, count(round));
    }
  }
}
