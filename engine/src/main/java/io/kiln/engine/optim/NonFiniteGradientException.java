package io.kiln.engine.optim;

/** The gradient is infinite or not a number, and no smaller loss scale can mend it. */
public final class NonFiniteGradientException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private NonFiniteGradientException(String message) {
    super(message);
  }

  static NonFiniteGradientException atSmallestScale(double scale) {
    return new NonFiniteGradientException(
        "the gradient overflows at the smallest loss scale, "
            + scale
            + ": lower the learning rate, lower fp16.min_loss_scale or train in bf16");
  }

  static NonFiniteGradientException atFixedScale(double scale, int steps) {
    return new NonFiniteGradientException(
        "the gradient overflowed in "
            + steps
            + " steps in a row at the loss scale "
            + scale
            + ": lower fp16.loss_scale, leave it out for a scale that adapts, or train in bf16");
  }

  static NonFiniteGradientException unscaled() {
    return new NonFiniteGradientException(
        "the gradient is not finite (NaN or infinite): lower the learning rate, set"
            + " gradient_clipping, or look for such values in the data");
  }
}
