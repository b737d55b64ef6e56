package io.kiln.engine.config;

/** What the loss is multiplied by so that small gradients survive in fp16. */
public sealed interface LossScaleConfig {
  /**
   * No scaling: fp32 and bf16.
   *
   * @param skipNonFinite whether a step whose gradient is not finite is skipped (bf16's
   *     check_grad_overflow) or ends the run (fp32)
   */
  record None(boolean skipNonFinite) implements LossScaleConfig {}

  /** The same scale always; a step that overflows is skipped. */
  record Static(double scale) implements LossScaleConfig {}

  /**
   * Halved at overflow, doubled after a while without.
   *
   * @param initialScale scale of the first step
   * @param window clean steps between two doublings
   * @param minimumScale an overflow at this scale is an error
   * @param hysteresis overflows that it takes to halve the scale
   * @param consecutiveHysteresis whether a clean step forgets the overflows before it
   */
  record Dynamic(
      double initialScale,
      long window,
      double minimumScale,
      int hysteresis,
      boolean consecutiveHysteresis)
      implements LossScaleConfig {}
}
