package io.kiln.engine.train.recovery;

import io.kiln.engine.train.TrainingState;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

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

  /** In use: not to be freed now. */
  private final Set<Snapshot> held = new HashSet<>();

  /** To be freed when they are no longer in use. */
  private final Set<Snapshot> dropped = new HashSet<>();

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

  /**
   * Does something with snapshots that takes its time: whoever lets go of them meanwhile, they are
   * freed only afterwards. The lock is not held, so that other ranks of this process get on.
   *
   * @return false if one is no longer kept: nothing was done
   */
  boolean whileHeld(List<Snapshot> snapshots, Runnable work) {
    synchronized (this) {
      for (Snapshot snapshot : snapshots) {
        if (shards.stream().noneMatch(kept -> kept.snapshot() == snapshot)) {
          return false;
        }
      }
      held.addAll(snapshots);
    }
    try {
      work.run();
    } finally {
      synchronized (this) {
        for (Snapshot snapshot : snapshots) {
          held.remove(snapshot);
          if (dropped.remove(snapshot)) {
            snapshot.close();
          }
        }
      }
    }
    return true;
  }

  private void free(Snapshot snapshot) {
    if (held.contains(snapshot)) {
      dropped.add(snapshot);
    } else {
      snapshot.close();
    }
  }

  /** Frees what attempts before this one kept: all ranks of this one have what they need. */
  synchronized void dropBefore(long attempt) {
    shards.removeIf(
        kept -> {
          if (kept.attempt() < attempt) {
            free(kept.snapshot());
            return true;
          }
          return false;
        });
  }

  /** Bytes of host memory that it holds now. */
  public synchronized long bytes() {
    return shards.stream().mapToLong(kept -> kept.snapshot().bytes()).sum()
        + dropped.stream().mapToLong(Snapshot::bytes).sum();
  }

  /** Frees everything. */
  @Override
  public synchronized void close() {
    closed = true;
    dropBefore(Long.MAX_VALUE);
  }
}
