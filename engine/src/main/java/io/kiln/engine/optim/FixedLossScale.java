package io.kiln.engine.optim;

/** One scale always; without scaling, a scale of 1. */
final class FixedLossScale implements LossScaler {
  /** Steps skipped in a row after which nothing can be hoped for: the weights do not change. */
  private static final int HOPELESS = 100;

  private final double scale;
  private final boolean skipNonFinite;
  private int skipped;

  /**
   * @param scale 1 where nothing is scaled
   * @param skipNonFinite whether a step whose gradient is not finite is skipped; it ends the run
   *     where not: trained on, it would leave nothing but NaN
   */
  FixedLossScale(double scale, boolean skipNonFinite) {
    this.scale = scale;
    this.skipNonFinite = skipNonFinite;
  }

  @Override
  public double scale() {
    return scale;
  }

  @Override
  public boolean update(boolean finite) {
    skipped = finite ? 0 : skipped + 1;
    if (!finite && (!skipNonFinite || skipped >= HOPELESS)) {
      throw scale == 1
          ? NonFiniteGradientException.unscaled()
          : NonFiniteGradientException.atFixedScale(scale, skipped);
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
