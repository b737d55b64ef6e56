package io.kiln.engine.optim;

import io.kiln.engine.config.DeepSpeedConfig;
import io.kiln.engine.config.OptimizerConfig;
import java.util.Optional;

/** What an optimizer applies to each group at each step. */
public final class RateSchedule {
  private final Schedule schedule;
  private final OptimizerConfig optimizer;
  private final ParameterGroups groups;

  public RateSchedule(Schedule schedule, OptimizerConfig optimizer, ParameterGroups groups) {
    this.schedule = schedule;
    this.optimizer = optimizer;
    this.groups = groups;
  }

  /** The one that a configuration describes for a model. */
  public static RateSchedule of(DeepSpeedConfig config, ParameterGroups groups) {
    return new RateSchedule(
        Schedule.of(config.scheduler(), config.optimizer()), config.optimizer(), groups);
  }

  /**
   * Values of the next step for a group.
   *
   * @param applied steps taken before it, skipped ones not counted; 0 for the first
   */
  public Rates at(long applied, int group) {
    Optional<Momenta> momenta = schedule.momenta(applied);
    return new Rates(
        schedule.learningRate(applied) * groups.learningRateFactor(group),
        groups.weightDecay(group, optimizer.weightDecay()),
        momenta.map(Momenta::beta1).orElse(optimizer.beta1()),
        momenta.map(Momenta::beta2).orElse(optimizer.beta2()));
  }
}
