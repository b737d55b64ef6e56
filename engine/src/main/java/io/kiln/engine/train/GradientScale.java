package io.kiln.engine.train;

import io.kiln.engine.config.CommunicationConfig;

/**
 * How large a gradient is while it crosses between ranks, so that a narrow format neither overflows
 * nor loses small terms. Kiln's losses are divided by the whole global batch's valid targets, so
 * the plain sum over ranks is the gradient; DeepSpeed sends each rank's own mean and divides
 * afterwards ({@code prescale_gradients} false) or divides by {@code gradient_predivide_factor}
 * before.
 *
 * @param factor that the loss is multiplied by before backward and the sum divided by at the end
 */
record GradientScale(double factor) {
  static GradientScale of(CommunicationConfig config, int ranks) {
    return new GradientScale(
        config.prescaleGradients() ? ranks / config.gradientPredivideFactor() : ranks);
  }
}
