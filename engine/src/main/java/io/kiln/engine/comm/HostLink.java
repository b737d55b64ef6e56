package io.kiln.engine.comm;

import java.time.Duration;
import java.util.List;

/** A rank's way to those of its peers that are on its own host, in a world that spans several. */
final class HostLink implements AutoCloseable {
  private final List<Integer> worldRanks;
  private final ExchangeQueue queue;

  private HostLink(List<Integer> worldRanks, ExchangeQueue queue) {
    this.worldRanks = worldRanks;
    this.queue = queue;
  }

  /**
   * Joins, and returns when all of the host have.
   *
   * @param segment mapped by this rank alone; closed with the link, or if that fails
   * @param worldRanks of this host, in order
   */
  static HostLink join(
      SharedSegment segment, List<Integer> worldRanks, int worldRank, Duration timeout) {
    ExchangeQueue queue =
        new ExchangeQueue(segment, worldRanks, worldRanks.indexOf(worldRank), timeout);
    try {
      queue.awaitPeers();
      return new HostLink(worldRanks, queue);
    } catch (RuntimeException | Error e) {
      queue.close();
      throw e;
    }
  }

  /** Ranks of this host as the world counts them. */
  List<Integer> worldRanks() {
    return worldRanks;
  }

  /** A rank's place on this host, or -1 if it is on another. */
  int placeOf(int worldRank) {
    return worldRanks.indexOf(worldRank);
  }

  /** Makes room in the order of the host's exchanges for what a collective sends on this host. */
  HostMessages reserve(Exchange.Kind kind, long bytes, HostMessages.Form form) {
    HostMessages messages = new HostMessages(queue.rings(), kind, bytes, form);
    if (!messages.done()) {
      queue.add(messages);
    }
    return messages;
  }

  /** Moves what can move, without waiting. */
  void move() {
    queue.move();
  }

  void await(HostMessages messages) {
    queue.await(messages);
  }

  long waitNanos() {
    return queue.peers().waitNanos();
  }

  long ringBytes() {
    return queue.ringBytes();
  }

  /** Tells the peers of this host that all is over; may be called by any thread. */
  void fail(String reason) {
    queue.peers().fail(reason);
  }

  /** Why the last wait ended. */
  String failure() {
    return queue.peers().failure();
  }

  @Override
  public void close() {
    queue.close();
  }
}
