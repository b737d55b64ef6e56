package io.kiln.engine.comm;

import io.kiln.engine.comm.SharedSegment.Presence;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * The exchanges that one rank has under way through a {@link SharedSegment}, moved round by round.
 * Ranks are counted within the segment here; messages name them as the world does.
 *
 * <p>Every wait moves all outstanding exchanges, first started first: however small the rings, and
 * in whatever order they are awaited, ranks that start the same exchanges cannot block each other.
 * (The rank that has collected least waits for a deposit; the depositor would wait for a slot of an
 * earlier round that somebody has not collected, who would then have collected less.)
 */
final class ExchangeQueue implements AutoCloseable {
  private final SharedSegment segment;
  private final int rank;
  private final int size;
  private final PeerWatch peers;
  private final Rings rings;
  private final ArrayDeque<Exchange> sending = new ArrayDeque<>();
  private final ArrayDeque<Exchange> receiving = new ArrayDeque<>();

  private long deposited;
  private long consumed;
  private long knownFree;

  /**
   * Joins. {@link #awaitPeers()} comes next.
   *
   * @param segment mapped by this rank alone; closed with the queue, or if this fails
   * @param worldRanks of the segment's ranks, in order
   * @param rank this one's place among them
   * @param timeout how long a wait may see nothing move
   */
  ExchangeQueue(SharedSegment segment, List<Integer> worldRanks, int rank, Duration timeout) {
    this.segment = segment;
    this.rank = rank;
    this.size = segment.ranks();
    try {
      this.peers = new PeerWatch(segment, worldRanks, rank, timeout);
      this.rings = new Rings(segment, rank);
      this.knownFree = segment.slots();
      segment.join(rank, PeerProcess.self());
    } catch (RuntimeException | Error e) {
      segment.close();
      throw e;
    }
  }

  /** Returns when all ranks have joined. */
  void awaitPeers() {
    PeerWatch.Wait wait = peers.begin("rendezvous in shared memory", this::absentees);
    while (!absentees().isEmpty()) {
      wait.pause();
    }
    wait.end();
    segment.seal();
  }

  private List<Integer> absentees() {
    return ranks(r -> segment.presence(r) == Presence.ABSENT);
  }

  private List<Integer> ranks(IntPredicate those) {
    return IntStream.range(0, size).filter(those).boxed().toList();
  }

  Rings rings() {
    return rings;
  }

  PeerWatch peers() {
    return peers;
  }

  /** Bytes of this rank's own ring. */
  long ringBytes() {
    return segment.ringBytes();
  }

  /** Gives an exchange its place in the order, which is the same on every rank. */
  void add(Exchange exchange) {
    sending.add(exchange);
    receiving.add(exchange);
  }

  /** Moves whatever can move, without waiting. */
  void move() {
    while (progress()) {
      // What has arrived for earlier exchanges makes room for later ones.
    }
  }

  /** Waits until an exchange is done. */
  void await(Exchange exchange) {
    if (exchange.done()) {
      return;
    }
    peers.checkUsable();
    PeerWatch.Wait wait = null;
    while (!exchange.done()) {
      if (progress()) {
        if (wait != null) {
          wait.end();
          wait = null;
        }
      } else {
        if (wait == null) {
          wait = peers.begin(receiving.peek().toString(), this::blockers);
        }
        wait.pause();
      }
    }
    if (wait != null) {
      wait.end();
    }
  }

  /** Moves whatever can move by one round, out and in. */
  private boolean progress() {
    boolean moved = depositNext();
    return collectNext() || moved;
  }

  private boolean depositNext() {
    Exchange next = sending.peek();
    if (next == null || !next.mayDeposit() || (next.deposits() && !slotFree())) {
      return false;
    }
    next.depositNext(deposited);
    if (next.deposits()) {
      segment.label(rank, (int) (deposited % segment.slots()), next.label());
    }
    deposited++;
    segment.deposited(rank, deposited);
    if (next.allDeposited()) {
      sending.poll();
    }
    return true;
  }

  /** Whether everybody has collected what this round's slot held before. */
  private boolean slotFree() {
    if (deposited >= knownFree) {
      knownFree = Long.MAX_VALUE;
      for (int r = 0; r < size; r++) {
        if (r != rank) {
          knownFree = Math.min(knownFree, segment.consumed(r) + segment.slots());
        }
      }
    }
    return deposited < knownFree;
  }

  private boolean collectNext() {
    Exchange next = receiving.peek();
    if (next == null || !next.mayCollect()) {
      return false;
    }
    for (int r = 0; r < size; r++) {
      if (r != rank && next.reads(r) && segment.deposited(r) <= consumed) {
        return false;
      }
    }
    checkLabels(next);
    next.collectNext(consumed);
    consumed++;
    segment.consumed(rank, consumed);
    if (next.done()) {
      receiving.poll();
      next.release();
    }
    return true;
  }

  private void checkLabels(Exchange next) {
    int slot = (int) (consumed % segment.slots());
    for (int r = 0; r < size; r++) {
      if (r != rank && next.reads(r) && segment.label(r, slot) != next.label()) {
        throw peers.fail(
            peers.name(rank)
                + " is in "
                + next
                + " while "
                + peers.name(r)
                + " is in "
                + Exchange.describe(segment.label(r, slot))
                + ": all ranks must run the same collectives in the same order");
      }
    }
  }

  /** The ranks without which nothing moves. */
  private List<Integer> blockers() {
    Exchange next = receiving.peek();
    return ranks(
        r ->
            r != rank
                && (next.mayCollect()
                    ? next.reads(r) && segment.deposited(r) <= consumed
                    : segment.consumed(r) + segment.slots() <= deposited));
  }

  /** Takes no further part; a second call does nothing. */
  @Override
  public void close() {
    if (!peers.leave()) {
      return;
    }
    receiving.forEach(Exchange::release);
    receiving.clear();
    sending.clear();
    rings.close();
    segment.close();
  }
}
