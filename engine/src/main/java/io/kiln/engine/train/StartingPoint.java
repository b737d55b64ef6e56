package io.kiln.engine.train;

import io.kiln.engine.zero.ShardedParameters;

/** Where a training begins: what its parameters and optimizer state hold before its next step. */
@FunctionalInterface
public interface StartingPoint {
  /**
   * Gives everything that this rank holds its value. All ranks call it together.
   *
   * @return the state that belongs to these values
   */
  TrainingState fill(ShardedParameters parameters);
}
