package io.kiln.engine.config;

import io.kiln.engine.tensor.Dtype;

/**
 * What a model is computed in; master weights and optimizer state are fp32 in any case.
 *
 * @param dtype of working parameters and activations
 * @param lossScale what the loss is multiplied by
 */
public record PrecisionConfig(Dtype dtype, LossScaleConfig lossScale) {}
