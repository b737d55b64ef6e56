package io.kiln.spark.training;

import io.kiln.engine.train.recovery.KeptShards;
import java.time.Duration;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What outlives the tasks of a job in an executor: the shards that its ranks keep for each other.
 * The one static thing here, because only the process itself outlives a task. A job that ends well
 * lets go of its own; what a job that did not has left goes with the executor, or when another job
 * comes and nobody has asked for it for a while.
 */
final class ExecutorShards {
  private static final Duration FORGOTTEN = Duration.ofMinutes(10);
  private static final Map<String, Holding> BY_JOB = new ConcurrentHashMap<>();

  private record Holding(KeptShards shards, long asked) {}

  private ExecutorShards() {}

  /** Those of a job in this executor. */
  static synchronized KeptShards of(String job) {
    long now = System.nanoTime();
    for (Iterator<Map.Entry<String, Holding>> all = BY_JOB.entrySet().iterator(); all.hasNext(); ) {
      Map.Entry<String, Holding> other = all.next();
      if (!other.getKey().equals(job) && now - other.getValue().asked() > FORGOTTEN.toNanos()) {
        other.getValue().shards().close();
        all.remove();
      }
    }
    Holding holding = BY_JOB.get(job);
    KeptShards shards = holding == null ? new KeptShards() : holding.shards();
    BY_JOB.put(job, new Holding(shards, now));
    return shards;
  }

  /** The job has ended well. */
  static synchronized void drop(String job) {
    Holding holding = BY_JOB.remove(job);
    if (holding != null) {
      holding.shards().close();
    }
  }
}
