package io.kiln.engine.zero;

/**
 * L2 norm of the whole gradient, every parameter counted once, the same on every rank.
 *
 * @param value of the gradient as it was reduced, loss scale and other factors still in it
 */
public record GradientNorm(double value) {
  /** Whether no element was infinite or not a number. */
  public boolean finite() {
    return Double.isFinite(value);
  }
}
