package io.kiln.engine.comm;

/**
 * A collective through shared memory, as a number of rounds. In each round every rank deposits at
 * most one slot into its own ring and then takes what is meant for it from the others'. Rounds are
 * counted through the life of the communicator, so a round has the same slot in every ring.
 *
 * <p>An exchange never waits; {@link ExchangeQueue} calls it when a slot is free or full.
 */
abstract class Exchange {
  /** For the label of a slot and for messages. */
  enum Kind {
    REDUCE_SCATTER("reduce-scatter"),
    ALL_GATHER("all-gather"),
    ALL_REDUCE("all-reduce"),
    BROADCAST("broadcast"),
    ALL_TO_ALL("all-to-all"),
    PASS("pass"),
    SUM("sum of numbers"),
    BARRIER("barrier");

    private final String label;

    Kind(String label) {
      this.label = label;
    }

    /** In messages. */
    String of(long bytes) {
      return label + " of " + bytes + " bytes";
    }
  }

  private static final int KIND_SHIFT = 56;

  private final Kind kind;
  private final long length;
  private final long rounds;
  private final Span[] owned;
  private long deposited;
  private long collected;

  /**
   * @param length bytes of the whole message, the same on every rank
   * @param rounds how many slots it needs
   * @param owned what to close at the end
   */
  Exchange(Kind kind, long length, long rounds, Span... owned) {
    this.kind = kind;
    this.length = length;
    this.rounds = rounds;
    this.owned = owned;
  }

  /** Whether this rank puts anything into its slots. */
  boolean deposits() {
    return true;
  }

  /** Whether this rank takes anything from a peer's slots. */
  boolean reads(int peer) {
    return true;
  }

  /** Whether what a round deposits has been computed, given the rounds collected so far. */
  boolean depositable(long round, long collectedRounds) {
    return true;
  }

  /**
   * Fills this rank's slot.
   *
   * @param round of this exchange, from 0
   * @param global the same round, counted through the communicator's life
   */
  abstract void deposit(long round, long global);

  /** Takes what the peers have put into theirs. */
  abstract void collect(long round, long global);

  final boolean mayDeposit() {
    return deposited < rounds && depositable(deposited, collected);
  }

  final void depositNext(long global) {
    deposit(deposited, global);
    deposited++;
  }

  final boolean allDeposited() {
    return deposited == rounds;
  }

  /** A rank's own deposit comes before its collection: it may collect into what it sends. */
  final boolean mayCollect() {
    return collected < deposited;
  }

  final void collectNext(long global) {
    collect(collected, global);
    collected++;
  }

  final boolean done() {
    return collected == rounds;
  }

  /** Says what a slot holds: the same on every rank, or the ranks have gone separate ways. */
  final long label() {
    return (long) (kind.ordinal() + 1) << KIND_SHIFT | length;
  }

  static String describe(long label) {
    int kind = (int) (label >>> KIND_SHIFT);
    if (kind == 0 || kind > Kind.values().length) {
      return "something unknown";
    }
    long bytes = label & ((1L << KIND_SHIFT) - 1);
    return Kind.values()[kind - 1].of(bytes);
  }

  /** Lets go of the tensors. */
  final void release() {
    for (Span span : owned) {
      span.close();
    }
  }

  @Override
  public String toString() {
    return describe(label());
  }

  static long ceilDiv(long a, long b) {
    return (a + b - 1) / b;
  }
}
