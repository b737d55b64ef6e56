package io.kiln.engine.optim;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Part of a flat shard whose parameters share one group's values.
 *
 * @param parameter {@code [n]} fp32, the master weights
 * @param gradient {@code [n]} fp32
 * @param state {@code [n]} fp32 each, in the order of {@link Optimizer#stateNames()}
 * @param rates learning rate, decay and momenta of its group at this step
 */
public record Slice(Tensor parameter, Tensor gradient, List<Tensor> state, Rates rates) {}
