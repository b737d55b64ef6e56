package io.kiln.spark.training;

import io.kiln.engine.train.recovery.KeptShards;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * What outlives the tasks of a job in an executor: the shards that its ranks keep for each other.
 * The one static thing here, because only the process itself outlives a task.
 *
 * <p>Nothing that a rank uses is let go of. A run that ends well lets go of its own; what one that
 * did not has left goes with the executor, when another job of the same run comes (the cluster has
 * another number of slots now), or when any other comes and nobody has used it for a while.
 */
final class ExecutorShards {
  private static final Duration FORGOTTEN = Duration.ofMinutes(10);
  private static final List<Holding> HOLDINGS = new ArrayList<>();

  private static final class Holding {
    final String run;
    final String job;
    final KeptShards shards = new KeptShards();
    int users;
    boolean ended;
    long left;

    Holding(String run, String job) {
      this.run = run;
      this.job = job;
    }

    boolean isOver(String nowOfRun, long now) {
      return users == 0 && (ended || run.equals(nowOfRun) || now - left > FORGOTTEN.toNanos());
    }
  }

  private ExecutorShards() {}

  /**
   * Those of a job in this executor, for one rank's use: {@link #leave} ends it.
   *
   * @param run what a run's jobs have in common and no other run has
   * @param job one number of ranks' part of it
   */
  static synchronized KeptShards use(String run, String job) {
    Holding holding = find(job);
    if (holding == null) {
      holding = new Holding(run, job);
      HOLDINGS.add(holding);
    }
    holding.users++;
    close(run);
    return holding.shards;
  }

  /**
   * A rank's task ends.
   *
   * @param well whether the whole run has ended well: nobody will begin from what is kept
   */
  static synchronized void leave(String job, boolean well) {
    Holding holding = find(job);
    if (holding != null) {
      holding.users--;
      holding.ended |= well;
      holding.left = System.nanoTime();
      close("");
    }
  }

  private static Holding find(String job) {
    return HOLDINGS.stream().filter(one -> one.job.equals(job)).findFirst().orElse(null);
  }

  private static void close(String run) {
    long now = System.nanoTime();
    List<Holding> over = HOLDINGS.stream().filter(one -> one.isOver(run, now)).toList();
    over.forEach(one -> one.shards.close());
    HOLDINGS.removeAll(over);
  }

  /** Jobs that something is kept of. */
  static synchronized int kept() {
    return HOLDINGS.size();
  }
}
