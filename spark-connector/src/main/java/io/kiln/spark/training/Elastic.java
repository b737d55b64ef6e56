package io.kiln.spark.training;

import com.fasterxml.jackson.databind.JsonNode;
import io.kiln.engine.config.DeepSpeedConfig;
import io.kiln.engine.config.ElasticBatch;
import io.kiln.spark.barrier.RestartBudget;
import io.kiln.spark.barrier.RestartPolicy;
import io.kiln.spark.job.RecoverySection;
import io.kiln.spark.job.TrainingSection;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * With how many ranks a run goes on when the cluster has become smaller or larger: with elasticity,
 * any number that shares the same global batch, so that the loss curve stays as it is; without, the
 * number it has.
 *
 * @param batch of the run; empty without elasticity
 * @param mostRanks that it may have
 */
record Elastic(Optional<ElasticBatch> batch, int mostRanks) {
  private static final Duration SAVE_GRACE = Duration.ofSeconds(20);

  /** Only a run that goes on from checkpoints may change its ranks. */
  static Elastic of(JsonNode deepspeed, int ranks, int mostRanks, TrainingSection training) {
    return new Elastic(
        training.checkpoints().taken()
            ? DeepSpeedConfig.elasticity(deepspeed).map(elasticity -> elasticity.batch(ranks))
            : Optional.empty(),
        mostRanks);
  }

  /** What becomes of a job of so many ranks. */
  RestartPolicy policy(int ranks, TrainingSection training) {
    RecoverySection recovery = training.recovery();
    return new RestartPolicy(
        training.recovers(),
        Duration.ofSeconds(recovery.stallTimeout()),
        training.checkpoints().taken() ? SAVE_GRACE : Duration.ZERO,
        slots -> fitting(slots).orElse(ranks));
  }

  /** New starts that a run may have. */
  static RestartBudget budget(RecoverySection recovery) {
    return new RestartBudget(
        Math.toIntExact(recovery.maxRestarts()), Duration.ofSeconds(recovery.restartWindow()));
  }

  private OptionalInt fitting(int slots) {
    return batch.isPresent()
        ? batch.get().largestUpTo(Math.min(slots, mostRanks))
        : OptionalInt.empty();
  }
}
