package io.kiln.engine.model;

import org.bytedeco.pytorch.Tensor;

/**
 * What backward starts from.
 *
 * @param lossSum sum of the losses over the valid targets
 * @param gradient of the scaled loss by the last block's output, of its shape and dtype
 */
public record Scored(double lossSum, Tensor gradient) {}
