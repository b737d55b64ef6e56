package io.kiln.spark.barrier;

import java.time.Duration;
import java.util.Optional;
import java.util.function.IntUnaryOperator;
import java.util.function.Supplier;

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
 * @param recalled why the job is to end although its ranks get on; asked twice a second
 */
public record RestartPolicy(
    boolean ownErrors,
    Duration stallTimeout,
    Duration saveGrace,
    IntUnaryOperator fitting,
    Supplier<Optional<RuntimeException>> recalled) {

  /** Of a job that is not recalled. */
  public RestartPolicy(
      boolean ownErrors, Duration stallTimeout, Duration saveGrace, IntUnaryOperator fitting) {
    this(ownErrors, stallTimeout, saveGrace, fitting, Optional::empty);
  }

  /** The same, for a job that may be recalled. */
  public RestartPolicy recalledBy(Supplier<Optional<RuntimeException>> reason) {
    return new RestartPolicy(ownErrors, stallTimeout, saveGrace, fitting, reason);
  }

  /** Lost executors are replaced, errors end the job. */
  static RestartPolicy lostExecutorsOnly(int ranks) {
    return new RestartPolicy(false, Duration.ofSeconds(60), Duration.ZERO, slots -> ranks);
  }
}
