package io.kiln.engine.comm;

import io.kiln.engine.comm.SharedSegment.Presence;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntPredicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * What a rank knows of its peers in shared memory beside their messages: whether they live, whether
 * they failed and why, and how long it is willing to wait for them.
 */
final class PeerWatch {
  private static final long FLAGS_EVERY_NANOS = 1_000_000;
  private static final long PROCESSES_EVERY_NANOS = 100_000_000;

  private final SharedSegment segment;
  private final List<Integer> worldRanks;
  private final int rank;
  private final Duration timeout;
  private final int spins;
  private long waitNanos;
  private volatile String failure;
  private boolean closed;

  /**
   * @param worldRanks how messages name the segment's ranks
   * @param rank within the segment
   */
  PeerWatch(SharedSegment segment, List<Integer> worldRanks, int rank, Duration timeout) {
    this.segment = segment;
    this.worldRanks = worldRanks;
    this.rank = rank;
    this.timeout = Objects.requireNonNull(timeout, "timeout");
    // Ranks that share cores have better things to do for each other than to spin.
    boolean coreEach = segment.ranks() <= Runtime.getRuntime().availableProcessors();
    this.spins = coreEach ? 2_000 : 20;
  }

  long waitNanos() {
    return waitNanos;
  }

  /** How messages name a rank of the segment. */
  String name(int ofRank) {
    return "rank " + worldRanks.get(ofRank);
  }

  /** Why the group is dead, if it is; null if not. */
  String failure() {
    return failure;
  }

  void checkUsable() {
    if (failure != null) {
      throw new CommunicationException(name(rank) + ": the communicator is dead: " + failure);
    }
    if (closed) {
      throw new CommunicationException(name(rank) + ": the communicator is closed");
    }
  }

  /** Tells everybody, and gives back what this rank throws. */
  CommunicationException fail(String reason) {
    if (failure == null) {
      failure = reason;
    }
    segment.fail(rank, reason);
    return new CommunicationException(name(rank) + ": " + reason);
  }

  /** May be called by any thread. */
  void abort(String reason) {
    fail(name(rank) + " aborted: " + reason);
  }

  /** Tells everybody that this rank takes no further part; false if it has done so before. */
  boolean leave() {
    if (closed) {
      return false;
    }
    closed = true;
    segment.leave(rank);
    return true;
  }

  private List<Integer> ranks(IntPredicate those) {
    return IntStream.range(0, segment.ranks()).filter(those).boxed().toList();
  }

  /**
   * Begins to wait.
   *
   * @param operation for messages
   * @param blockers the ranks that are waited for
   */
  Wait begin(String operation, Supplier<List<Integer>> blockers) {
    return new Wait(operation, blockers);
  }

  /** One stretch of waiting: spins, then yields, then sleeps, and looks after the peers. */
  final class Wait {
    private static final int YIELDS = 200;
    private static final long SLEEP_NANOS = 50_000;

    private final String operation;
    private final Supplier<List<Integer>> blockers;
    private final long start = System.nanoTime();
    private long flagsAt = start + FLAGS_EVERY_NANOS;
    private long processesAt = start + PROCESSES_EVERY_NANOS;
    private int turns;

    /**
     * @param operation for the message
     * @param blockers the ranks that are waited for
     */
    private Wait(String operation, Supplier<List<Integer>> blockers) {
      this.operation = operation;
      this.blockers = blockers;
    }

    void end() {
      waitNanos += System.nanoTime() - start;
    }

    void pause() {
      turns++;
      if (turns < spins) {
        Thread.onSpinWait();
        return;
      }
      if (turns < spins + YIELDS) {
        Thread.yield();
      } else {
        LockSupport.parkNanos(SLEEP_NANOS);
      }
      long now = System.nanoTime();
      if (now >= flagsAt) {
        checkFlags();
        flagsAt = now + FLAGS_EVERY_NANOS;
      }
      if (now >= processesAt) {
        checkProcesses();
        processesAt = now + PROCESSES_EVERY_NANOS;
      }
      if (now - start > timeout.toNanos()) {
        end();
        throw fail(
            String.format(
                Locale.ROOT,
                "no answer from %s for %.1f s in %s",
                names(blockers.get()),
                timeout.toMillis() / 1000.0,
                operation));
      }
    }

    private void checkFlags() {
      if (failure != null) {
        throw ended();
      }
      if (Thread.currentThread().isInterrupted()) {
        end();
        throw fail(name(rank) + " was interrupted in " + operation);
      }
      for (int r = 0; r < segment.ranks(); r++) {
        // One that failed after its part in this: who needs nothing more may have its own reason.
        if (segment.presence(r) == Presence.FAILED && !blockers.get().isEmpty()) {
          failure = segment.reason(r);
          segment.fail(rank, failure);
          throw ended();
        }
      }
      for (int r : ranks(r -> segment.presence(r) == Presence.CLOSED)) {
        // What it deposited before it left counts: does it still hold us up?
        if (blockers.get().contains(r)) {
          end();
          throw fail(name(r) + " has closed the communicator during " + operation);
        }
      }
    }

    private CommunicationException ended() {
      end();
      return new CommunicationException(name(rank) + ": " + operation + " ended: " + failure);
    }

    private void checkProcesses() {
      for (int r : ranks(r -> segment.presence(r) == Presence.JOINED)) {
        PeerProcess process = segment.process(r);
        if (!process.alive()) {
          end();
          throw fail(
              "the process of " + name(r) + " (pid " + process.pid() + ") is gone in " + operation);
        }
      }
    }

    private String names(List<Integer> ranks) {
      return ranks.stream().map(PeerWatch.this::name).collect(Collectors.joining(", "));
    }
  }
}
