package io.kiln.engine.train;

import io.kiln.engine.model.ParameterInitializer;
import io.kiln.engine.zero.ShardedParameters;

/**
 * A training's beginning: first values drawn from the seed.
 *
 * @param seed of the run
 */
public record FromSeed(long seed) implements StartingPoint {
  @Override
  public TrainingState fill(ShardedParameters parameters) {
    parameters.initialize(new ParameterInitializer(seed)::fill);
    return TrainingState.BEGINNING;
  }
}
