package io.kiln.spark.job;

import io.kiln.engine.config.ConfigException;
import io.kiln.engine.config.JsonSection;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * How long to train and when to look at the validation split.
 *
 * @param maxSteps steps to take; empty where epochs are given
 * @param epochs passes over the training split; empty where steps are given
 * @param seed of initial values, order of samples, dropout
 * @param evalInterval steps between two evaluations; empty for one at the end alone
 * @param evalSteps global batches in one evaluation; empty for the whole split
 * @param checkpoints when they are taken, where they go, where the run begins
 * @param recovery what becomes of ranks that die or hang
 */
public record TrainingSection(
    OptionalLong maxSteps,
    OptionalDouble epochs,
    long seed,
    OptionalLong evalInterval,
    OptionalLong evalSteps,
    CheckpointSection checkpoints,
    RecoverySection recovery) {
  public TrainingSection {
    if (maxSteps.isPresent() == epochs.isPresent()) {
      throw new ConfigException(
          "training",
          maxSteps.isPresent()
              ? "max_steps and epochs contradict each other: give one of them"
              : "needs max_steps or epochs");
    }
    atLeastOne("max_steps", maxSteps);
    atLeastOne("eval_interval", evalInterval);
    atLeastOne("eval_steps", evalSteps);
    if (epochs.isPresent() && !(epochs.getAsDouble() > 0)) {
      throw new ConfigException("training.epochs", "must be above 0, not " + epochs.getAsDouble());
    }
  }

  static TrainingSection parse(JsonSection json) {
    return new TrainingSection(
        json.whole("max_steps"),
        json.number("epochs"),
        json.whole("seed", 0),
        json.whole("eval_interval"),
        json.whole("eval_steps"),
        CheckpointSection.parse(json),
        RecoverySection.parse(json));
  }

  /** Whether ranks that start again go on from where others were. */
  public boolean recovers() {
    return checkpoints.taken() || recovery.redundancy() > 0;
  }

  private static void atLeastOne(String key, OptionalLong value) {
    if (value.isPresent() && value.getAsLong() < 1) {
      throw new ConfigException("training." + key, "must be at least 1, not " + value.getAsLong());
    }
  }

  /**
   * Steps to take.
   *
   * @param samples of the training split
   * @param globalBatch samples of a step
   */
  public long steps(long samples, long globalBatch) {
    return maxSteps.orElseGet(
        () -> Math.max(1, (long) Math.floor(epochs.getAsDouble() * (samples / globalBatch))));
  }
}
