package io.kiln.engine.optim;

import io.kiln.engine.config.SchedulerConfig;
import java.util.Optional;

/**
 * DeepSpeed's OneCycle (Smith 2018, arXiv 1803.09820): up, down, then a slow decay below the
 * minimum; beta1 moves against the rate and beta2 is 0.99.
 *
 * @param cycle its shape
 * @param hasBetas whether the optimizer has moments that could move
 */
record OneCycleSchedule(SchedulerConfig.OneCycle cycle, boolean hasBetas) implements Schedule {
  private static final double BETA2 = 0.99;

  @Override
  public double learningRate(long applied) {
    double behind = applied - length();
    if (behind <= 0) {
      return cycle.minimum() + (cycle.maximum() - cycle.minimum()) * height(applied);
    }
    if (cycle.decaySteps() == 0) {
      return cycle.minimum();
    }
    return cycle.minimum() / (1 + cycle.decayRate() * behind / cycle.decaySteps());
  }

  @Override
  public Optional<Momenta> momenta(long applied) {
    if (!cycle.cycleMomentum() || !hasBetas) {
      return Optional.empty();
    }
    return Optional.of(new Momenta(beta1(applied), BETA2));
  }

  private double beta1(long applied) {
    if (applied == 0) {
      return cycle.minimumMomentum(); // what the optimizer is made with; the cycle starts behind it
    }
    double behind = applied - length();
    if (behind <= 0) {
      return cycle.maximumMomentum()
          - (cycle.maximumMomentum() - cycle.minimumMomentum()) * height(applied);
    }
    if (cycle.decaySteps() == 0) {
      return cycle.maximumMomentum();
    }
    return cycle.maximumMomentum() * (1 + cycle.momentumDecayRate() * behind / cycle.decaySteps());
  }

  private double length() {
    return cycle.firstSteps() + cycle.secondSteps();
  }

  /** Height of the triangle, 0 to 1, inside the cycle. */
  private double height(long applied) {
    boolean rising = applied <= cycle.firstSteps();
    double smooth =
        rising ? applied / cycle.firstSteps() : (length() - applied) / cycle.secondSteps();
    long stairs = rising ? cycle.firstStairs() : cycle.secondStairs();
    if (stairs == 0) {
      return smooth;
    }
    double stair =
        rising
            ? applied * stairs / cycle.firstSteps()
            : (length() - applied) * stairs / cycle.secondSteps();
    return Math.floor(stair) / stairs;
  }
}
