package io.kiln.engine.train.recovery;

import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.Piece;
import io.kiln.engine.checkpoint.ShardWriter;
import io.kiln.engine.checkpoint.StoredShard;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * One rank's thread that writes checkpoints behind the training. What the store refuses is tried
 * again a few times, seconds apart: stores are away for a moment.
 */
final class CheckpointWriter {
  private static final long STOPPING_SECONDS = 30;

  private final CheckpointFolder folder;
  private final CheckpointPolicy policy;
  private final ExecutorService thread;
  private final Persistence persistence;
  private final Queue<String> remarks = new ConcurrentLinkedQueue<>();

  CheckpointWriter(CheckpointFolder folder, CheckpointPolicy policy, int rank) {
    this.folder = folder;
    this.policy = policy;
    this.thread =
        Executors.newSingleThreadExecutor(
            work -> {
              Thread made = new Thread(work, "kiln-checkpoint-" + rank);
              made.setDaemon(true);
              return made;
            });
    this.persistence = new Persistence(policy.retryAfter(), thread::isShutdown);
  }

  /** Writes this rank's shard. */
  Future<StoredShard> write(String draft, String file, List<Piece> pieces) {
    return thread.submit(
        () -> persistence.of(() -> ShardWriter.write(folder.store(), draft, file, pieces)));
  }

  /** Makes a checkpoint of what all ranks have written. */
  Future<?> publish(CheckpointFlight flight) {
    return thread.submit(
        () ->
            persistence.of(
                () -> {
                  folder.publish(flight.draft(), flight.manifest());
                  return null;
                }));
  }

  /** Names a checkpoint that is whole in {@code latest}; where that fails, it is remarked. */
  void pointTo(long step) {
    thread.submit(
        () -> {
          try {
            persistence.of(
                () -> {
                  folder.pointTo(step);
                  return null;
                });
          } catch (IOException refused) {
            remarks.add(
                folder.where(step)
                    + " is whole, but latest does not name it ("
                    + refused.getMessage()
                    + "); nothing is lost: it is only a hint");
          }
          return null;
        });
  }

  /** What has gone wrong in the background since this was asked. */
  List<String> takeRemarks() {
    List<String> taken = new ArrayList<>();
    for (String line = remarks.poll(); line != null; line = remarks.poll()) {
      taken.add(line);
    }
    return taken;
  }

  /** Removes what is too much; where that fails it is remarked, and the next checkpoint tries. */
  void prune(long newest) {
    thread.submit(
        () -> {
          try {
            folder.prune(newest, policy.keepLast(), policy.keepEvery());
          } catch (IOException stays) {
            remarks.add("an old checkpoint stays for now: " + stays.getMessage());
          }
          return null;
        });
  }

  /** Removes this rank's file of one that failed; where that fails too, the next run does it. */
  void discard(long step, String draft, String file) {
    thread.submit(
        () -> {
          folder.discard(step, draft, file);
          return null;
        });
  }

  /** Removes the files of one that all have written and that could not be published. */
  void withdraw(CheckpointFlight flight) {
    thread.submit(
        () -> {
          folder.withdraw(flight.draft(), flight.manifest());
          return null;
        });
  }

  /** Waits, for some seconds at the most, until nothing is left to do. */
  void settle() {
    try {
      thread.submit(() -> {}).get(STOPPING_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException unsettled) {
      // What is left to remove, the next run removes.
    } catch (InterruptedException asked) {
      Thread.currentThread().interrupt();
    }
  }

  /** Ends the thread; whether it has ended and the pieces may go. */
  boolean stop() {
    thread.shutdownNow();
    boolean interrupted = Thread.interrupted();
    try {
      return thread.awaitTermination(STOPPING_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException again) {
      interrupted = true;
      return false;
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
