package io.kiln.spark.training;

import io.kiln.engine.config.AutoValues;
import java.io.Serializable;

/**
 * What a run knows of the values that a DeepSpeed configuration leaves to it.
 *
 * @param steps of the run
 * @param hidden width of the model; 0 where it has none
 */
record AutoSizes(long steps, int hidden) implements Serializable {
  AutoValues values() {
    AutoValues values = AutoValues.defaults().withTotalSteps(steps);
    return hidden > 0 ? values.withHiddenSize(hidden) : values;
  }
}
