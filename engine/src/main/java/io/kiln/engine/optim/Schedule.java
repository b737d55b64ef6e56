package io.kiln.engine.optim;

import io.kiln.engine.config.OptimizerConfig;
import io.kiln.engine.config.SchedulerConfig;
import java.util.Optional;

/**
 * The learning rate as a function of the steps already taken. A step that was skipped for overflow
 * does not count, so it does not advance a schedule. No state: a resumed run asks with its count.
 */
public interface Schedule {
  /**
   * Rate of the next step, before a group's own factor.
   *
   * @param applied steps taken before it, skipped ones not counted; 0 for the first
   */
  double learningRate(long applied);

  /** Momenta of the next step, where they are scheduled too. */
  default Optional<Momenta> momenta(long applied) {
    return Optional.empty();
  }

  /**
   * The schedule that a configuration names.
   *
   * @param optimizer whose rate is the maximum where the schedule says none, and whose betas a
   *     cycle moves if it has any
   */
  static Schedule of(SchedulerConfig config, OptimizerConfig optimizer) {
    double lr = optimizer.learningRate();
    if (config instanceof SchedulerConfig.Warmup c) {
      return new WarmupSchedule(
          c.minimum(),
          c.maximum().orElse(lr),
          new DeepSpeedWarmup(c.warmupSteps(), c.warmupType()));
    }
    if (config instanceof SchedulerConfig.WarmupDecay c) {
      return new WarmupDecaySchedule(
          c.minimum(),
          c.maximum().orElse(lr),
          new DeepSpeedWarmup(c.warmupSteps(), c.warmupType()),
          c.totalSteps());
    }
    if (config instanceof SchedulerConfig.WarmupCosine c) {
      return new WarmupCosineSchedule(
          lr,
          c.warmupMinimumRatio(),
          c.cosineMinimumRatio(),
          new DeepSpeedWarmup(c.warmupSteps(), c.warmupType()),
          c.totalSteps());
    }
    if (config instanceof SchedulerConfig.OneCycle c) {
      return new OneCycleSchedule(
          c,
          optimizer instanceof OptimizerConfig.Adam || optimizer instanceof OptimizerConfig.Lion);
    }
    if (config instanceof SchedulerConfig.RangeTest c) {
      return new RangeTestSchedule(c.minimum(), c.stepSize(), c.stepRate(), c.staircase());
    }
    if (config instanceof SchedulerConfig.Constant c) {
      return new ConstantSchedule(new EvenWarmup(c.maximum().orElse(lr), c.warmupSteps()));
    }
    if (config instanceof SchedulerConfig.Linear c) {
      return new PolynomialSchedule(
          new EvenWarmup(c.maximum().orElse(lr), c.warmupSteps()), c.minimum(), c.totalSteps(), 1);
    }
    if (config instanceof SchedulerConfig.Cosine c) {
      return new CosineSchedule(
          new EvenWarmup(c.maximum().orElse(lr), c.warmupSteps()),
          c.minimum(),
          c.totalSteps(),
          c.cycles());
    }
    if (config instanceof SchedulerConfig.Polynomial c) {
      return new PolynomialSchedule(
          new EvenWarmup(c.maximum().orElse(lr), c.warmupSteps()),
          c.minimum(),
          c.totalSteps(),
          c.power());
    }
    SchedulerConfig.Exponential c = (SchedulerConfig.Exponential) config;
    return new ExponentialSchedule(
        new EvenWarmup(c.maximum().orElse(lr), c.warmupSteps()), c.minimum(), c.gamma());
  }
}
