package io.kiln.engine.optim;

/**
 * One scale always.
 *
 * @param scale 1 where nothing is scaled
 * @param skipNonFinite whether a step whose gradient is not finite is skipped; it ends the run
 *     where not: trained on, it would leave nothing but NaN
 */
record FixedLossScale(double scale, boolean skipNonFinite) implements LossScaler {
  @Override
  public boolean update(boolean finite) {
    if (!finite && !skipNonFinite) {
      throw NonFiniteGradientException.unscaled();
    }
    return finite;
  }

  @Override
  public LossScaleState state() {
    return new LossScaleState(scale, 0, 1);
  }

  /** The configuration's scale holds, whatever a checkpoint says. */
  @Override
  public void restore(LossScaleState state) {}
}
