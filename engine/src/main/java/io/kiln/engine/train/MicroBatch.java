package io.kiln.engine.train;

import org.bytedeco.pytorch.Tensor;

/**
 * What goes through the model at once. The tensors belong to the {@link BatchSource} that gave it
 * and live until it is asked for the next step's.
 *
 * @param inputs token ids {@code [batch, time]} int64, or features {@code [batch, features]} fp32
 * @param targets {@code [batch, time]} int64 with {@link io.kiln.engine.model.Objective#IGNORED}
 *     where there is none, class ids {@code [batch]} or values {@code [batch, outputs]}
 * @param validTargets how many of them count
 * @param firstRow index in the global batch of its first row
 */
public record MicroBatch(Tensor inputs, Tensor targets, long validTargets, long firstRow) {}
