package io.kiln.spark.barrier;

import java.time.Duration;
import java.util.function.IntUnaryOperator;

/**
 * What becomes of a barrier job when a rank ends, hangs or is lost.
 *
 * @param ownErrors whether an error of a rank's own, too, is answered with a new start (because the
 *     ranks go on from a checkpoint); else it ends the job
 * @param stallTimeout longest time that a rank may be silent, or stand still inside a step, and
 *     that slots may be missing
 * @param saveGrace how long the driver, told to end, waits for a checkpoint; zero where none is
 *     taken
 * @param fitting how many ranks the job would have on so many slots: as many as it has where no
 *     other number can be
 */
public record RestartPolicy(
    boolean ownErrors, Duration stallTimeout, Duration saveGrace, IntUnaryOperator fitting) {

  /** Lost executors are replaced, errors end the job. */
  static RestartPolicy lostExecutorsOnly(int ranks) {
    return new RestartPolicy(false, Duration.ofSeconds(60), Duration.ZERO, slots -> ranks);
  }
}
