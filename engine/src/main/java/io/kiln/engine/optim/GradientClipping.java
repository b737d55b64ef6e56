package io.kiln.engine.optim;

/**
 * Keeps the gradient's global norm in bounds: all of it is multiplied by {@code maximum / (norm +
 * 1e-6)} where that is below 1, as torch and DeepSpeed do.
 *
 * @param maximum largest L2 norm; 0: no clipping
 */
public record GradientClipping(double maximum) {
  private static final double EPSILON = 1e-6;

  public GradientClipping {
    if (!(maximum >= 0)) {
      throw new IllegalArgumentException("a norm is clipped at 0 or more, not at " + maximum);
    }
  }

  /**
   * What gradients are divided by, 1 or more.
   *
   * @param norm of the true gradient: loss scale and other factors taken out
   */
  public double divisor(double norm) {
    return maximum == 0 ? 1 : Math.max(1, (norm + EPSILON) / maximum);
  }
}
