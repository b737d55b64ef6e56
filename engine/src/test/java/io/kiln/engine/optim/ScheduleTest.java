package io.kiln.engine.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.kiln.engine.config.OptimizerConfig;
import io.kiln.engine.config.SchedulerConfig;
import io.kiln.engine.config.SchedulerConfig.WarmupType;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

/**
 * Sequences worked out by hand from the definitions. {@code m} counts the steps taken before; a
 * DeepSpeed warm-up is at position {@code m - 1}.
 */
class ScheduleTest {
  private static final OptimizerConfig ADAM_WITH_RATE_2 =
      new OptimizerConfig.Adam(2, 0.9, 0.999, 1e-8, 0, true, true);

  /** (1 + cos(pi / 4)) / 2 = (2 + sqrt 2) / 4. */
  private static final double QUARTER_DOWN = 0.8535533905932737;

  private static Schedule of(SchedulerConfig config) {
    return Schedule.of(config, ADAM_WITH_RATE_2);
  }

  private static void gives(Schedule schedule, double... rates) {
    for (int m = 0; m < rates.length; m++) {
      at(schedule, m, rates[m]);
    }
  }

  private static void at(Schedule schedule, long m, double rate) {
    assertEquals(rate, schedule.learningRate(m), 1e-14, "after " + m + " steps");
  }

  @Test
  void warmup_is_at_the_minimum_twice_then_rises_by_logarithms() {
    // ln 1, ln 2, ln 3, ln 4 over ln 4 = 0, 1/2, 0.7924812503605781, 1
    gives(
        of(new SchedulerConfig.Warmup(0.1, OptionalDouble.of(1.1), 4, WarmupType.LOG)),
        0.1,
        0.1,
        0.6,
        0.8924812503605781,
        1.1,
        1.1,
        1.1);
  }

  @Test
  void warmup_in_a_line() {
    gives(
        of(new SchedulerConfig.Warmup(0.1, OptionalDouble.of(1.1), 4, WarmupType.LINEAR)),
        0.1,
        0.1,
        0.35,
        0.6,
        0.85,
        1.1,
        1.1);
  }

  @Test
  void a_warmup_of_one_step_is_one_of_two_and_the_maximum_is_the_optimizers() {
    gives(
        of(new SchedulerConfig.Warmup(0, OptionalDouble.empty(), 1, WarmupType.LINEAR)),
        0,
        0,
        1,
        2,
        2);
  }

  @Test
  void a_warmup_of_no_step_is_one_of_two_too() {
    // Positions 0 and 1 of two: in a line 0/2 and 1/2; by logarithms ln 1 and ln 2 over ln 2.
    gives(
        of(new SchedulerConfig.Warmup(0, OptionalDouble.empty(), 0, WarmupType.LINEAR)),
        0,
        0,
        1,
        2,
        2);
    gives(
        of(new SchedulerConfig.Warmup(0.5, OptionalDouble.of(2), 0, WarmupType.LOG)),
        0.5,
        0.5,
        2,
        2,
        2);
  }

  @Test
  void warmup_decay_ends_at_the_minimum() {
    // positions 0, 1 rise by halves; from position 2 on (6 - i) / (6 - 2)
    gives(
        of(new SchedulerConfig.WarmupDecay(6, 0, OptionalDouble.of(1), 2, WarmupType.LINEAR)),
        0,
        0,
        0.5,
        1,
        0.75,
        0.5,
        0.25,
        0,
        0);
    gives(
        of(new SchedulerConfig.WarmupDecay(6, 0.2, OptionalDouble.of(1.2), 2, WarmupType.LINEAR)),
        0.2,
        0.2,
        0.7,
        1.2,
        0.95,
        0.7,
        0.45,
        0.2,
        0.2);
  }

  @Test
  void warmup_cosine_starts_at_zero_whatever_its_minimum() {
    // rate 2; ratios 0, 0.5, 0.75, then 0.1 + 0.9 h at a quarter, half, three quarters, the end
    gives(
        of(new SchedulerConfig.WarmupCosine(6, 0.5, 2, 0.1, WarmupType.LINEAR)),
        0,
        1,
        1.5,
        2 * (0.1 + 0.9 * QUARTER_DOWN),
        1.1,
        2 * (0.1 + 0.9 * (1 - QUARTER_DOWN)),
        0.2,
        0.2);
  }

  private static SchedulerConfig.OneCycle cycle(long stairs, double decaySteps) {
    return new SchedulerConfig.OneCycle(
        0.1, 1.1, 0.5, 4, 2, stairs, stairs, decaySteps, true, 0.8, 0.9, 0.1);
  }

  @Test
  void one_cycle_goes_up_down_and_decays() {
    Schedule schedule = of(cycle(0, 2));
    // up in 4 steps, down in 2, then 0.1 / (1 + 0.5 k / 2)
    gives(schedule, 0.1, 0.35, 0.6, 0.85, 1.1, 0.6, 0.1, 0.08, 0.1 / 1.5);
    at(schedule, 10, 0.05);
    gives(of(cycle(0, 0)), 0.1, 0.35, 0.6, 0.85, 1.1, 0.6, 0.1, 0.1, 0.1);
  }

  @Test
  void one_cycle_moves_beta1_against_the_rate() {
    double[] beta1 = {0.8, 0.875, 0.85, 0.825, 0.8, 0.85, 0.9, 0.9 * 1.05, 0.9 * 1.1};
    for (int m = 0; m < beta1.length; m++) {
      Momenta momenta = of(cycle(0, 2)).momenta(m).orElseThrow();
      assertEquals(beta1[m], momenta.beta1(), 1e-14, "after " + m + " steps");
      assertEquals(0.99, momenta.beta2());
    }
    assertEquals(0.9, of(cycle(0, 0)).momenta(8).orElseThrow().beta1());
  }

  @Test
  void one_cycle_leaves_an_optimizer_without_betas_alone() {
    Schedule schedule = Schedule.of(cycle(0, 2), new OptimizerConfig.Sgd(0.1, 0.9, 0, 0, false));
    assertEquals(Optional.empty(), schedule.momenta(3));
  }

  @Test
  void one_cycle_in_stairs() {
    // two stairs up: floor(m * 2 / 4) / 2; two down: floor(6 - m) / 2
    gives(of(cycle(2, 2)), 0.1, 0.1, 0.6, 0.6, 1.1, 0.6, 0.1);
  }

  @Test
  void range_test_grows_smoothly_or_in_stairs() {
    Schedule smooth = of(new SchedulerConfig.RangeTest(0.01, 5, 1, false));
    at(smooth, 0, 0.01);
    at(smooth, 5, 0.02);
    at(smooth, 7, 0.024);
    Schedule stairs = of(new SchedulerConfig.RangeTest(0.01, 5, 2, true));
    at(stairs, 4, 0.01);
    at(stairs, 7, 0.03);
    at(stairs, 10, 0.05);
  }

  @Test
  void nanogpts_cosine_to_the_last_digit() {
    Schedule schedule = of(new SchedulerConfig.Cosine(OptionalDouble.of(1e-3), 1e-4, 100, 2000, 1));
    assertEquals(1e-3 * 1 / 101, schedule.learningRate(0));
    assertEquals(1e-3 * 100 / 101, schedule.learningRate(99));
    assertEquals(1e-3, schedule.learningRate(100), 1e-18);
    assertEquals(1e-4 + 9e-4 * QUARTER_DOWN, schedule.learningRate(575), 1e-18);
    assertEquals(5.5e-4, schedule.learningRate(1050), 1e-18);
    assertEquals(1e-4, schedule.learningRate(2000));
    assertEquals(1e-4, schedule.learningRate(5000));
  }

  @Test
  void cosine_with_a_restart() {
    gives(
        of(new SchedulerConfig.Cosine(OptionalDouble.of(1), 0, 0, 8, 2)),
        1,
        QUARTER_DOWN,
        0.5,
        1 - QUARTER_DOWN,
        1,
        QUARTER_DOWN,
        0.5,
        1 - QUARTER_DOWN,
        0,
        0);
  }

  @Test
  void lines_and_powers_end_at_the_minimum() {
    gives(
        of(new SchedulerConfig.Linear(OptionalDouble.of(1.1), 0.1, 2, 6)),
        1.1 / 3,
        2.2 / 3,
        1.1,
        0.85,
        0.6,
        0.35,
        0.1,
        0.1);
    gives(
        of(new SchedulerConfig.Polynomial(OptionalDouble.of(1.1), 0.1, 2, 6, 2)),
        1.1 / 3,
        2.2 / 3,
        1.1,
        0.1 + 0.5625,
        0.35,
        0.1 + 0.0625,
        0.1,
        0.1);
  }

  @Test
  void exponential_and_constant() {
    gives(
        of(new SchedulerConfig.Exponential(OptionalDouble.of(1), 0.1, 1, 0.5)),
        0.5,
        1,
        0.5,
        0.25,
        0.125,
        0.1,
        0.1);
    gives(of(new SchedulerConfig.Constant(OptionalDouble.empty(), 3)), 0.5, 1, 1.5, 2, 2);
  }

  @Test
  void a_warmup_longer_than_the_run_divides_by_nothing() {
    gives(of(new SchedulerConfig.Linear(OptionalDouble.of(1), 0.25, 3, 2)), 0.25, 0.5, 0.75, 0.25);
    gives(
        of(new SchedulerConfig.WarmupDecay(2, 0, OptionalDouble.of(1), 3, WarmupType.LINEAR)),
        0,
        0,
        1 / 3.0,
        2 / 3.0,
        0);
    gives(
        of(new SchedulerConfig.WarmupCosine(2, 0, 3, 0.1, WarmupType.LINEAR)),
        0,
        0,
        2 / 3.0,
        4 / 3.0,
        0.2);
  }
}
