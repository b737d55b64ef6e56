package io.kiln.spark.output;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.engine.train.EvaluationReport;
import io.kiln.engine.train.StepReport;
import io.kiln.engine.train.StepTimes;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunRecordTest {
  private static StepReport step(long step, double loss, double millis) {
    return new StepReport(
        step, loss, 1e-3, 0.5, 1, false, 100, new StepTimes(0, millis, 0, 0, 0, millis));
  }

  @Test
  void the_summary_is_of_the_right_steps() {
    RunRecord record = new RunRecord(new TreeMap<>());
    for (int i = 1; i <= 8; i++) {
      record.onStep(step(i, 10 - i, i == 1 ? 1000 : 10 * i));
    }
    record.onEvaluation(new EvaluationReport(4, 7.0, 50));
    record.onEvaluation(new EvaluationReport(8, 3.0, 50));
    TrainingSummary summary =
        TrainingSummary.of(
            2, "bf16", 42, record, List.of(new RankReport(0, "h", 7, Map.of("parameters", 84L))));
    assertEquals(9.0, summary.firstLoss().getAsDouble());
    // Losses 6 5 4 3 2 of steps 4 to 8.
    assertEquals(4.0, summary.finalTrainLoss().getAsDouble());
    assertEquals(3.0, summary.validationLoss().getAsDouble());
    // 20 30 40 50 60 70 80 and 1000: between the fourth and the fifth.
    assertEquals(55.0, summary.stepMillisMedian().getAsDouble());
    // 700 tokens in twice 350 ms, the first step left out.
    assertEquals(1000.0, summary.tokensPerSecond().getAsDouble());
    assertEquals(800, summary.tokens());
    assertEquals(8, summary.steps());
    assertEquals(summary, TrainingSummary.ofJson(summary.toJson()));
  }

  @Test
  void a_run_that_started_again_is_recorded_from_its_new_start() {
    RunRecord record = new RunRecord(new TreeMap<>());
    record.onStep(step(1, 5, 10));
    record.onRestart(1, "");
    record.onStep(step(1, 4, 10));
    assertEquals(1, record.steps());
    assertEquals(OptionalDouble.of(4), record.firstLoss());
    assertEquals(OptionalDouble.empty(), record.validationLoss());
  }

  @Test
  void a_run_that_goes_on_keeps_the_steps_before_and_takes_the_others_again(@TempDir Path folder)
      throws Exception {
    OutputDirectory output =
        OutputDirectory.of(folder.resolve("out").toString(), new Configuration());
    output.claim(false);
    try (MetricsFile metrics = new MetricsFile(output, false)) {
      for (int i = 1; i <= 5; i++) {
        metrics.onStep(step(i, 10 - i, 10));
      }
    }
    // A driver that dies leaves half a line.
    Files.writeString(
        folder.resolve("out/metrics.jsonl"), "{\"step\": 6, \"lo", StandardOpenOption.APPEND);
    RunRecord record = new RunRecord(MetricsFile.earlier(output));
    assertEquals(5, record.steps());
    try (MetricsFile metrics = new MetricsFile(output, false)) {
      for (int i = 4; i <= 6; i++) {
        metrics.onStep(step(i, 20 - i, 10));
        record.onStep(step(i, 20 - i, 10));
      }
      // Within the same run, too: an executor was lost.
      metrics.onStep(step(6, 1, 10));
      record.onStep(step(6, 1, 10));
    }
    List<Double> losses = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve("out/metrics.jsonl"))) {
      losses.add(new ObjectMapper().readTree(line).get("loss").asDouble());
    }
    assertEquals(List.of(9.0, 8.0, 7.0, 16.0, 15.0, 1.0), losses);
    assertEquals(OptionalDouble.of(9), record.firstLoss());
    assertEquals(600, record.tokens());
    // 8 7 16 15 1
    assertEquals(9.4, record.finalLoss().getAsDouble(), 1e-9);
  }

  @Test
  void metrics_can_be_read_line_by_line_and_begin_anew_with_the_run(@TempDir Path folder)
      throws Exception {
    OutputDirectory output =
        OutputDirectory.of(folder.resolve("out").toString(), new Configuration());
    output.claim(false);
    try (MetricsFile metrics = new MetricsFile(output, false)) {
      metrics.onStep(step(1, 5, 10));
      metrics.onRestart(1, "");
      metrics.onStep(step(1, 4, 20));
      metrics.onStep(
          new StepReport(
              2,
              3,
              1e-3,
              Double.POSITIVE_INFINITY,
              8,
              true,
              100,
              new StepTimes(0.5, 10, 12, 1, 1.5, 15)));
    }
    List<String> lines = Files.readAllLines(folder.resolve("out/metrics.jsonl"));
    assertEquals(2, lines.size());
    JsonNode line = new ObjectMapper().readTree(lines.get(1));
    assertEquals(
        List.of(
            "step",
            "loss",
            "lr",
            "grad_norm",
            "loss_scale",
            "tokens",
            "tokens_per_second",
            "step_ms",
            "wall_ms",
            "data_ms"),
        line.properties().stream().map(Map.Entry::getKey).toList());
    // 25 ms of the step and 15 before it.
    assertEquals(25.0, line.get("step_ms").asDouble());
    assertEquals(40.0, line.get("wall_ms").asDouble());
    assertEquals(2500.0, line.get("tokens_per_second").asDouble());
    assertEquals(true, line.get("grad_norm").isNull());
  }

  @Test
  void a_file_has_its_name_only_when_it_is_whole(@TempDir Path folder) throws Exception {
    OutputDirectory output =
        OutputDirectory.of(folder.resolve("out").toString(), new Configuration());
    output.claim(false);
    try (OutputDirectory.Draft draft = output.create("half.bin")) {
      draft.out().write(new byte[10]);
    }
    assertEquals(List.of(), output.names());
    try (OutputDirectory.Draft draft = output.create("whole.bin")) {
      draft.out().write(new byte[10]);
      assertEquals(List.of(), output.names());
      draft.publish();
    }
    assertEquals(List.of("whole.bin"), output.names());
    assertEquals(10, output.read("whole.bin").length);
  }
}
