package io.kiln.engine.optim;

/** The loss scale cannot fall any further and the gradient still overflows. */
public final class LossScaleException extends RuntimeException {
  private static final long serialVersionUID = 1;

  LossScaleException(double scale) {
    super(
        "the gradient overflows at the smallest loss scale, "
            + scale
            + ": lower the learning rate, lower fp16.min_loss_scale or train in bf16");
  }
}
