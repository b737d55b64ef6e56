package io.kiln.engine.optim;

import io.kiln.engine.config.LossScaleConfig;

/**
 * DeepSpeed's dynamic loss scale. An overflow takes one of the hysteresis away and, at the last,
 * halves the scale. The scale doubles after {@code window + 1} clean steps from the start or an
 * overflow, then every {@code window}. Hysteresis comes back with a doubling, or with any clean
 * step if it is to be consecutive.
 */
final class DynamicLossScale implements LossScaler {
  /** Steps skipped in a row at the smallest scale after which no hysteresis is waited for. */
  private static final int HOPELESS = 100;

  private final LossScaleConfig.Dynamic config;
  private double scale;
  private long cleanSteps;
  private int hysteresis;
  private int skippedAtSmallest;

  DynamicLossScale(LossScaleConfig.Dynamic config) {
    this.config = config;
    this.scale = config.initialScale();
    this.hysteresis = config.hysteresis();
  }

  @Override
  public double scale() {
    return scale;
  }

  @Override
  public boolean update(boolean finite) {
    if (finite) {
      clean();
    } else {
      overflow();
    }
    return finite;
  }

  private void overflow() {
    cleanSteps = 0;
    // An infinite one, as an old checkpoint may hold, does not fall by halves.
    boolean cannotFall = scale == config.minimumScale() || Double.isInfinite(scale);
    skippedAtSmallest = cannotFall ? skippedAtSmallest + 1 : 0;
    if (hysteresis > 1 && skippedAtSmallest < HOPELESS) {
      hysteresis--;
    } else if (cannotFall) {
      throw NonFiniteGradientException.atSmallestScale(scale);
    } else {
      scale = Math.max(scale / 2, config.minimumScale());
    }
  }

  private void clean() {
    cleanSteps++;
    skippedAtSmallest = 0;
    boolean grows = cleanSteps > 1 && (cleanSteps - 1) % config.window() == 0;
    if (grows) {
      scale *= 2;
    }
    if (grows || config.consecutiveHysteresis()) {
      hysteresis = config.hysteresis();
    }
  }

  @Override
  public LossScaleState state() {
    return new LossScaleState(scale, cleanSteps, hysteresis);
  }

  @Override
  public void restore(LossScaleState state) {
    scale = state.scale();
    cleanSteps = state.cleanSteps();
    hysteresis = state.hysteresis();
  }
}
