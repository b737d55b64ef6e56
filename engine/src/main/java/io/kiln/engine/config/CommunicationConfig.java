package io.kiln.engine.config;

import io.kiln.engine.tensor.Dtype;
import java.util.Optional;

/**
 * How gradients are added up over ranks.
 *
 * @param prescaleGradients whether they are divided before they are added rather than after
 * @param gradientPredivideFactor the part of the divisor that is applied before, where prescaled
 * @param dataType what they travel in; fp32 where empty and the model is fp32 or bf16
 */
public record CommunicationConfig(
    boolean prescaleGradients, double gradientPredivideFactor, Optional<Dtype> dataType) {}
