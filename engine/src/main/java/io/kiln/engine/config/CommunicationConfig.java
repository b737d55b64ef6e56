package io.kiln.engine.config;

import io.kiln.engine.tensor.Dtype;
import java.util.Optional;

/**
 * How gradients are added up over ranks.
 *
 * @param prescaleGradients whether they are divided by the number of ranks before they are added
 *     rather than after
 * @param gradientPredivideFactor the part of that divisor that is applied before, where they are
 *     not prescaled
 * @param dataType what they travel in; where empty, what they are kept in until they leave: the
 *     model's dtype, or fp32 where micro-batches add up first
 */
public record CommunicationConfig(
    boolean prescaleGradients, double gradientPredivideFactor, Optional<Dtype> dataType) {}
