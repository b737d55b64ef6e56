package io.kiln.spark.barrier;

import java.time.Duration;
import java.util.function.IntUnaryOperator;

/**
 * What becomes of a barrier job when a rank ends, hangs or is lost.
 *
 * @param ownErrors whether an error of a rank's own, too, is answered with a new start (because the
 *     ranks go on from a checkpoint); else it ends the job
 * @param most new starts within the window; one more ends the job
 * @param window over which they are counted
 * @param stallTimeout longest time that a rank may be silent, or stand still inside a step
 * @param saveGrace how long the driver, told to end, waits for a checkpoint; zero where none is
 *     taken
 * @param fitting how many ranks the job would have on so many slots
 */
public record RestartPolicy(
    boolean ownErrors,
    int most,
    Duration window,
    Duration stallTimeout,
    Duration saveGrace,
    IntUnaryOperator fitting) {
  /** Lost executors are replaced, errors end the job. */
  public static final RestartPolicy LOST_EXECUTORS_ONLY =
      new RestartPolicy(
          false, 10, Duration.ofHours(1), Duration.ofSeconds(60), Duration.ZERO, slots -> 0);
}
