package io.kiln.engine.optim;

import io.kiln.engine.config.SchedulerConfig.WarmupType;

/**
 * The rising part of DeepSpeed's Warmup schedules. They run one step late: step 1 is at the start
 * and step 2 again, because position 0 of the rise belongs to the second step.
 */
record DeepSpeedWarmup(long steps, WarmupType type) {
  DeepSpeedWarmup {
    steps = Math.max(2, steps); // a logarithm of 1 would be divided by
  }

  /** Position in the schedule of the step after {@code applied} ones; -1 for the first. */
  static long position(long applied) {
    return applied - 1;
  }

  boolean covers(long position) {
    return position < steps;
  }

  /** How much of the way is gone, 0 to below 1, at a position from 0 on. */
  double fraction(long position) {
    return type == WarmupType.LOG
        ? Math.log(position + 1) / Math.log(steps)
        : (double) position / steps;
  }
}
