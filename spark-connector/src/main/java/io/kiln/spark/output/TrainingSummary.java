package io.kiln.spark.output;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * {@code summary.json}: how a run went.
 *
 * @param worldSize ranks
 * @param zeroStage 0 to 3
 * @param dtype that the model was computed in: {@code fp32}, {@code bf16}, {@code fp16}
 * @param parameters of the model
 * @param steps taken
 * @param tokens valid targets of all steps
 * @param firstLoss of step 1
 * @param finalTrainLoss mean over the last five steps
 * @param validationLoss of the last evaluation; empty without a validation split
 * @param stepMillisMedian wall time of a step
 * @param tokensPerSecond of all ranks together, the first step left out
 * @param ranks what each of them held
 */
public record TrainingSummary(
    int worldSize,
    int zeroStage,
    String dtype,
    long parameters,
    long steps,
    long tokens,
    OptionalDouble firstLoss,
    OptionalDouble finalTrainLoss,
    OptionalDouble validationLoss,
    OptionalDouble stepMillisMedian,
    OptionalDouble tokensPerSecond,
    List<RankReport> ranks) {
  /** Its name in the output directory. */
  public static final String NAME = "summary.json";

  private static final ObjectMapper JSON = new ObjectMapper();

  public TrainingSummary {
    ranks = List.copyOf(ranks);
  }

  /** Of a run that has ended. */
  public static TrainingSummary of(
      int zeroStage, String dtype, long parameters, RunRecord run, List<RankReport> ranks) {
    return new TrainingSummary(
        ranks.size(),
        zeroStage,
        dtype,
        parameters,
        run.steps(),
        run.tokens(),
        run.firstLoss(),
        run.finalLoss(),
        run.validationLoss(),
        run.medianStepMillis(),
        run.tokensPerSecond(),
        ranks);
  }

  /** As the file has it; what is no finite number is null. */
  public ObjectNode toJson() {
    ObjectNode json = JSON.createObjectNode();
    json.put("world_size", worldSize);
    json.put("zero_stage", zeroStage);
    json.put("dtype", dtype);
    json.put("parameters", parameters);
    json.put("steps", steps);
    json.put("tokens", tokens);
    number(json, "first_loss", firstLoss);
    number(json, "final_train_loss", finalTrainLoss);
    number(json, "validation_loss", validationLoss);
    number(json, "step_ms_median", stepMillisMedian);
    number(json, "tokens_per_second", tokensPerSecond);
    ArrayNode all = json.putArray("ranks");
    for (RankReport report : ranks) {
      ObjectNode rank = all.addObject();
      rank.put("rank", report.rank());
      rank.put("host", report.host());
      rank.put("peak_rss_mb", report.peakRssMegabytes());
      report.bytes().forEach((kind, bytes) -> rank.put(kind + "_bytes", bytes));
    }
    return json;
  }

  /** What {@link #toJson()} gave. */
  public static TrainingSummary ofJson(JsonNode json) {
    List<RankReport> ranks = new ArrayList<>();
    for (JsonNode rank : json.path("ranks")) {
      Map<String, Long> bytes = new LinkedHashMap<>();
      rank.properties()
          .forEach(
              entry -> {
                if (entry.getKey().endsWith("_bytes")) {
                  bytes.put(entry.getKey().replaceFirst("_bytes$", ""), entry.getValue().asLong());
                }
              });
      ranks.add(
          new RankReport(
              rank.path("rank").asInt(),
              rank.path("host").asText(),
              rank.path("peak_rss_mb").asLong(),
              bytes));
    }
    return new TrainingSummary(
        json.path("world_size").asInt(),
        json.path("zero_stage").asInt(),
        json.path("dtype").asText(),
        json.path("parameters").asLong(),
        json.path("steps").asLong(),
        json.path("tokens").asLong(),
        number(json, "first_loss"),
        number(json, "final_train_loss"),
        number(json, "validation_loss"),
        number(json, "step_ms_median"),
        number(json, "tokens_per_second"),
        ranks);
  }

  private static void number(ObjectNode json, String name, OptionalDouble value) {
    if (value.isPresent() && Double.isFinite(value.getAsDouble())) {
      json.put(name, value.getAsDouble());
    } else {
      json.putNull(name);
    }
  }

  private static OptionalDouble number(JsonNode json, String name) {
    JsonNode value = json.path(name);
    return value.isNumber() ? OptionalDouble.of(value.doubleValue()) : OptionalDouble.empty();
  }
}
