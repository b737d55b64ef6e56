package io.kiln.engine.comm;

/**
 * A reduce-scatter and an all-gather in one, for large messages among more than two ranks: each
 * adds up one part of the tensor and copies the others' sums. The last parts may be short or empty.
 */
final class StagedAllReduceExchange extends Exchange {
  private final Rings rings;
  private final RankOrderSum sum;
  private final Span tensor;
  private final long part;
  private final long reduceStep;
  private final long gatherStep;
  private final long reduceRounds;
  private final Span[] terms;
  private final long[] from;

  StagedAllReduceExchange(Rings rings, RankOrderSum sum, Span tensor) {
    super(
        Kind.ALL_REDUCE,
        tensor.length() * tensor.elementBytes(),
        ceilDiv(part(rings, tensor), rings.partLength(tensor.elementBytes()))
            + ceilDiv(part(rings, tensor), rings.slotLength(tensor.elementBytes())),
        tensor);
    this.rings = rings;
    this.sum = sum;
    this.tensor = tensor;
    this.part = part(rings, tensor);
    this.reduceStep = rings.partLength(tensor.elementBytes());
    this.gatherStep = rings.slotLength(tensor.elementBytes());
    this.reduceRounds = ceilDiv(part, reduceStep);
    this.terms = new Span[rings.size()];
    this.from = new long[rings.size()];
    for (int r = 0; r < terms.length; r++) {
      terms[r] = r == rings.rank() ? tensor : rings.ring(r, tensor.type(), tensor.elementBytes());
    }
  }

  private static long part(Rings rings, Span tensor) {
    return ceilDiv(tensor.length(), rings.size());
  }

  /** Elements of a rank's part from {@code at} on, {@code step} at the most. */
  private long count(int owner, long at, long step) {
    long end = Math.min(tensor.length(), (owner + 1) * part);
    return Math.max(0, Math.min(Math.min(step, part - at), end - owner * part - at));
  }

  @Override
  boolean depositable(long round, long collectedRounds) {
    if (round < reduceRounds) {
      return true;
    }
    long needed = Math.min(part, (round - reduceRounds + 1) * gatherStep);
    return Math.min(collectedRounds, reduceRounds) * reduceStep >= needed;
  }

  @Override
  void deposit(long round, long global) {
    int rank = rings.rank();
    Span slot = rings.ring(rank, tensor.type(), tensor.elementBytes());
    if (round < reduceRounds) {
      long at = round * reduceStep;
      for (int to = 0; to < rings.size(); to++) {
        if (to != rank) {
          long start = rings.partStart(global, rank, to, tensor.elementBytes());
          Span.copy(tensor, to * part + at, slot, start, count(to, at, reduceStep));
        }
      }
    } else {
      long at = (round - reduceRounds) * gatherStep;
      long start = rings.slotStart(global, tensor.elementBytes());
      Span.copy(tensor, rank * part + at, slot, start, count(rank, at, gatherStep));
    }
  }

  @Override
  void collect(long round, long global) {
    int rank = rings.rank();
    if (round < reduceRounds) {
      long at = round * reduceStep;
      for (int r = 0; r < from.length; r++) {
        from[r] =
            r == rank ? rank * part + at : rings.partStart(global, r, rank, tensor.elementBytes());
      }
      long count = count(rank, at, reduceStep);
      if (count > 0) {
        sum.into(tensor, rank * part + at, terms, from, count, false);
      }
    } else {
      long at = (round - reduceRounds) * gatherStep;
      long start = rings.slotStart(global, tensor.elementBytes());
      for (int r = 0; r < rings.size(); r++) {
        long count = count(r, at, gatherStep);
        if (r != rank && count > 0) {
          Span.copy(terms[r], start, tensor, r * part + at, count);
        }
      }
    }
  }
}
