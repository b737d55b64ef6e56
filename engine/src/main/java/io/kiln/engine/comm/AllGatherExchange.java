package io.kiln.engine.comm;

/**
 * Every rank deposits its shard once and copies the others' into the whole. What travels has the
 * narrower of the two types.
 */
final class AllGatherExchange extends Exchange {
  private final Rings rings;
  private final Span shard;
  private final Span whole;
  private final Span wire;
  private final long step;

  AllGatherExchange(Rings rings, Span shard, Span whole) {
    this(rings, shard, whole, whole.elementBytes() <= shard.elementBytes() ? whole : shard);
  }

  private AllGatherExchange(Rings rings, Span shard, Span whole, Span wire) {
    super(
        Kind.ALL_GATHER,
        whole.length() * wire.elementBytes(),
        ceilDiv(shard.length(), rings.slotLength(wire.elementBytes())),
        shard,
        whole);
    this.rings = rings;
    this.shard = shard;
    this.whole = whole;
    this.wire = wire;
    this.step = rings.slotLength(wire.elementBytes());
  }

  private Span ring(int rank) {
    return rings.ring(rank, wire.type(), wire.elementBytes());
  }

  private long count(long round) {
    return Math.min(step, shard.length() - round * step);
  }

  @Override
  void deposit(long round, long global) {
    int rank = rings.rank();
    long at = round * step;
    long slot = rings.slotStart(global, wire.elementBytes());
    Span.copy(shard, at, ring(rank), slot, count(round));
    Span.copy(shard, at, whole, rank * shard.length() + at, count(round));
  }

  @Override
  void collect(long round, long global) {
    long at = round * step;
    long slot = rings.slotStart(global, wire.elementBytes());
    for (int r = 0; r < rings.size(); r++) {
      if (r != rings.rank()) {
        Span.copy(ring(r), slot, whole, r * shard.length() + at, count(round));
      }
    }
  }
}
