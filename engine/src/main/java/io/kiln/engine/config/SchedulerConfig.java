package io.kiln.engine.config;

import java.util.OptionalDouble;

/**
 * How the learning rate moves. The first five are DeepSpeed's, with its defaults; the others are
 * Kiln's, with a warm-up that rises in equal steps to the maximum. An empty maximum means the
 * optimizer's rate.
 */
public sealed interface SchedulerConfig {
  /** How DeepSpeed's warm-ups rise. */
  enum WarmupType {
    LOG,
    LINEAR
  }

  /** DeepSpeed's WarmupLR. */
  record Warmup(double minimum, OptionalDouble maximum, long warmupSteps, WarmupType warmupType)
      implements SchedulerConfig {}

  /** DeepSpeed's WarmupDecayLR: to the minimum in a straight line. */
  record WarmupDecay(
      long totalSteps,
      double minimum,
      OptionalDouble maximum,
      long warmupSteps,
      WarmupType warmupType)
      implements SchedulerConfig {}

  /** DeepSpeed's WarmupCosineLR: ratios of the optimizer's rate. */
  record WarmupCosine(
      long totalSteps,
      double warmupMinimumRatio,
      long warmupSteps,
      double cosineMinimumRatio,
      WarmupType warmupType)
      implements SchedulerConfig {}

  /**
   * DeepSpeed's OneCycle (Smith 2018).
   *
   * @param decayRate how fast the rate falls behind the cycle; 0: stays at the minimum
   * @param firstSteps steps of the rising half
   * @param secondSteps steps of the falling half
   * @param firstStairs stairs of the rising half; 0: smooth
   * @param secondStairs stairs of the falling half; 0: smooth
   * @param decaySteps steps that the decay rates count by; 0: no decay
   * @param cycleMomentum whether beta1 moves too, against the rate
   */
  record OneCycle(
      double minimum,
      double maximum,
      double decayRate,
      double firstSteps,
      double secondSteps,
      long firstStairs,
      long secondStairs,
      double decaySteps,
      boolean cycleMomentum,
      double minimumMomentum,
      double maximumMomentum,
      double momentumDecayRate)
      implements SchedulerConfig {}

  /** DeepSpeed's LRRangeTest (Smith 2018): grows without end. */
  record RangeTest(double minimum, long stepSize, double stepRate, boolean staircase)
      implements SchedulerConfig {}

  /** The maximum for ever. Also what holds without a scheduler. */
  record Constant(OptionalDouble maximum, long warmupSteps) implements SchedulerConfig {}

  /** A straight line to the minimum at {@code totalSteps}. */
  record Linear(OptionalDouble maximum, double minimum, long warmupSteps, long totalSteps)
      implements SchedulerConfig {}

  /** Half a cosine to the minimum at {@code totalSteps}, that many times (Loshchilov 2017). */
  record Cosine(
      OptionalDouble maximum, double minimum, long warmupSteps, long totalSteps, long cycles)
      implements SchedulerConfig {}

  /** A power of the remaining part, to the minimum at {@code totalSteps}. */
  record Polynomial(
      OptionalDouble maximum, double minimum, long warmupSteps, long totalSteps, double power)
      implements SchedulerConfig {}

  /** Multiplied by {@code gamma} every step, down to the minimum. */
  record Exponential(OptionalDouble maximum, double minimum, long warmupSteps, double gamma)
      implements SchedulerConfig {}
}
