package io.kiln.engine.optim;

import io.kiln.engine.config.LossScaleConfig;

/** Chooses what the loss is multiplied by, and which steps are skipped. One object a rank. */
public interface LossScaler {
  /** What the next step's loss is multiplied by. */
  double scale();

  /**
   * Takes note of a step; every rank says the same.
   *
   * @param finite whether the gradient's global norm was
   * @return whether the step is applied
   * @throws NonFiniteGradientException if the smallest scale still overflows
   */
  boolean update(boolean finite);

  /** What it remembers. */
  LossScaleState state();

  /** Goes on from what another one remembered. */
  void restore(LossScaleState state);

  /** The scaler that a configuration describes. */
  static LossScaler of(LossScaleConfig config) {
    if (config instanceof LossScaleConfig.Dynamic dynamic) {
      return new DynamicLossScale(dynamic);
    }
    if (config instanceof LossScaleConfig.Static fixed) {
      return new FixedLossScale(fixed.scale(), true);
    }
    return new FixedLossScale(1, ((LossScaleConfig.None) config).skipNonFinite());
  }
}
