package io.kiln.engine.train.recovery;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * When checkpoints are taken and how long they are kept.
 *
 * @param interval steps between two; 0 for none by steps
 * @param period time between two; empty for none by time
 * @param keepLast how many stay, at least 1
 * @param keepEvery those of multiples of this many steps stay for good; 0 for none
 * @param retryAfter pauses after which what the store refuses is tried again, before the checkpoint
 *     counts as failed
 * @param failures checkpoints in a row that may fail before the run ends
 * @param patience longest wait for one to be written
 */
public record CheckpointPolicy(
    long interval,
    Optional<Duration> period,
    int keepLast,
    long keepEvery,
    List<Duration> retryAfter,
    int failures,
    Duration patience) {
  /** Stores are away for a moment. */
  public static final List<Duration> RETRY_AFTER =
      List.of(Duration.ofSeconds(1), Duration.ofSeconds(3), Duration.ofSeconds(10));

  public CheckpointPolicy {
    retryAfter = List.copyOf(retryAfter);
    if (interval < 0 || keepLast < 1 || keepEvery < 0 || failures < 1) {
      throw new IllegalArgumentException(
          "interval %d, keepLast %d, keepEvery %d, failures %d"
              .formatted(interval, keepLast, keepEvery, failures));
    }
  }

  boolean dueAfter(long step) {
    return interval > 0 && step % interval == 0;
  }
}
