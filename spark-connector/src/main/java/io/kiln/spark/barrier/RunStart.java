package io.kiln.spark.barrier;

import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * What a run will be, before its first step.
 *
 * @param modelType family of the model
 * @param parameters of the model
 * @param ranks that train it
 * @param zeroStage 0 to 3
 * @param dtype that it is computed in
 * @param units of the corpus: tokens or rows
 * @param globalBatch samples of a step, all ranks together
 * @param steps to take
 * @param stepsPerPrint steps between two progress lines, where the configuration says so
 * @param bytesPerRank that each rank will hold for good, by the formula
 */
public record RunStart(
    String modelType,
    long parameters,
    int ranks,
    int zeroStage,
    String dtype,
    long units,
    int globalBatch,
    long steps,
    OptionalLong stepsPerPrint,
    Map<String, Long> bytesPerRank) {
  public RunStart {
    bytesPerRank = new TreeMap<>(bytesPerRank);
  }
}
