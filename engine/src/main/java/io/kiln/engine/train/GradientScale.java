package io.kiln.engine.train;

import io.kiln.engine.config.CommunicationConfig;

/**
 * How large a gradient is while it crosses between ranks, so that a narrow format neither overflows
 * nor loses small terms. Kiln's losses are divided by the whole global batch's valid targets, so
 * the plain sum over ranks is the gradient: the size of what DeepSpeed sends with {@code
 * prescale_gradients}, each rank's own mean divided by the number of ranks. Without it, its means
 * are divided by {@code gradient_predivide_factor} before they are added and by the rest after.
 *
 * @param factor that the loss is multiplied by before backward and the sum divided by at the end
 */
record GradientScale(double factor) {
  static GradientScale of(CommunicationConfig config, int ranks) {
    return new GradientScale(
        config.prescaleGradients() ? 1 : ranks / config.gradientPredivideFactor());
  }
}
