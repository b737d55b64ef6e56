package io.kiln.it.bench;

import io.kiln.engine.tensor.Dtype;
import java.util.List;

/**
 * What {@link CheckpointBenchmark} asks its ranks to run.
 *
 * @param folder of the checkpoints, any path of Hadoop's
 * @param hadoop settings of its file system, {@code spark.hadoop.NAME=VALUE} each
 * @param every steps from one checkpoint to the next
 */
record CheckpointTurns(
    String folder,
    List<String> hadoop,
    String shape,
    List<Dtype> dtypes,
    List<Integer> stages,
    int every,
    int repetitions,
    int threads) {}
