package io.kiln.engine.train.recovery;

import io.kiln.engine.train.TrainingState;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Shards of the last steps, kept in a process beyond the end of the ranks that ran in it: what new
 * ranks begin from when another process has died. Safe to use from several threads; who holds the
 * object closes it when the job ends.
 */
public final class KeptShards implements AutoCloseable {
  /**
   * A shard as it was after a step.
   *
   * @param attempt that keeps it up to date
   * @param ranks that the shards were cut for
   * @param shard whose it is
   * @param state after which step, and what belongs to it; empty while it is overwritten
   */
  record Kept(
      long attempt, int ranks, int shard, Optional<TrainingState> state, Snapshot snapshot) {
    boolean isOf(long step, int count) {
      return ranks == count && state.isPresent() && state.get().step() == step;
    }
  }

  private final List<Kept> shards = new ArrayList<>();
  private boolean closed;

  /** What is whole, of shards cut for so many ranks. */
  synchronized List<Kept> whole(int ranks) {
    return shards.stream()
        .filter(kept -> kept.ranks() == ranks && kept.state().isPresent())
        .toList();
  }

  /**
   * Takes a snapshot over, not yet of any step.
   *
   * @return false if this is closed: the caller keeps it
   */
  synchronized boolean add(long attempt, int ranks, int shard, Snapshot snapshot) {
    if (closed) {
      return false;
    }
    shards.add(new Kept(attempt, ranks, shard, Optional.empty(), snapshot));
    return true;
  }

  /**
   * Says what a snapshot holds now.
   *
   * @param state empty before it is overwritten
   */
  synchronized void set(Snapshot snapshot, Optional<TrainingState> state) {
    for (int i = 0; i < shards.size(); i++) {
      Kept kept = shards.get(i);
      if (kept.snapshot() == snapshot) {
        shards.set(i, new Kept(kept.attempt(), kept.ranks(), kept.shard(), state, snapshot));
      }
    }
  }

  /**
   * Overwrites a snapshot, unless it is no longer kept: a rank that has not noticed its end must
   * not write where the next one may have freed.
   *
   * @return whether it was overwritten; it is of no step until {@link #set} says so
   */
  synchronized boolean overwrite(Snapshot snapshot, Runnable writing) {
    boolean mine = shards.stream().anyMatch(kept -> kept.snapshot() == snapshot);
    if (mine) {
      set(snapshot, Optional.empty());
      writing.run();
    }
    return mine;
  }

  /** Frees what attempts before this one kept: all ranks of this one have what they need. */
  synchronized void dropBefore(long attempt) {
    shards.removeIf(
        kept -> {
          if (kept.attempt() < attempt) {
            kept.snapshot().close();
            return true;
          }
          return false;
        });
  }

  /** Bytes of host memory that it holds now. */
  public synchronized long bytes() {
    return shards.stream().mapToLong(kept -> kept.snapshot().bytes()).sum();
  }

  /** Frees everything. */
  @Override
  public synchronized void close() {
    closed = true;
    dropBefore(Long.MAX_VALUE);
  }
}
