package io.kiln.spark.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.ModelFamilies;
import io.kiln.engine.train.StepReport;
import io.kiln.engine.train.StepTimes;
import io.kiln.spark.barrier.RunStart;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class ConsoleReportTest {
  /** A step of 100 ms, what came before it included, with 8 samples. */
  private static String step(String modelType, long targets) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (ConsoleReport console =
        new ConsoleReport(new PrintStream(out, true, StandardCharsets.UTF_8), false)) {
      console.onStart(start(modelType, 2, OptionalLong.of(1)));
      console.onStep(
          new StepReport(1, 0.5, 1, 1, 1, false, targets, new StepTimes(0, 40, 30, 10, 10, 10)));
    }
    return out.toString(StandardCharsets.UTF_8);
  }

  private static RunStart start(String modelType, long steps, OptionalLong stepsPerPrint) {
    return new RunStart(modelType, 1, 1, 0, "fp32", 100, 8, steps, stepsPerPrint, Map.of());
  }

  @Test
  void a_line_comes_as_often_as_the_configuration_says() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (ConsoleReport console =
        new ConsoleReport(new PrintStream(out, true, StandardCharsets.UTF_8), false)) {
      console.onStart(start("gpt2", 8, OptionalLong.of(3)));
      for (long step = 1; step <= 8; step++) {
        console.onStep(
            new StepReport(step, 0.5, 1, 1, 1, false, 8, new StepTimes(0, 40, 40, 10, 10, 0)));
      }
    }
    // The first, each third, the last.
    assertEquals(
        List.of("1/8", "3/8", "6/8", "8/8"),
        out.toString(StandardCharsets.UTF_8)
            .lines()
            .filter(line -> line.startsWith("step "))
            .map(line -> line.split(" ")[1])
            .toList());
  }

  @Test
  void ranks_that_are_started_again_without_a_checkpoint_say_that_they_begin_anew() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (ConsoleReport console =
        new ConsoleReport(new PrintStream(out, true, StandardCharsets.UTF_8), false)) {
      console.onBeginning();
      console.onRestart(1, "an executor was lost");
      console.onBeginning();
    }
    assertEquals(
        List.of(
            "all ranks start again: an executor was lost",
            "beginning anew with step 1: there was no checkpoint to go on from"),
        out.toString(StandardCharsets.UTF_8).lines().toList());
  }

  @Test
  void an_mlp_learns_rows_a_second_however_many_targets_a_row_has() {
    String told = step("mlp", 3 * 8);
    assertTrue(told.contains("100 rows of data"), told);
    assertTrue(told.contains(" 80 rows/s"), told);
  }

  @Test
  void a_language_model_learns_tokens_a_second() {
    String told = step("gpt2", 8 * 16);
    assertTrue(told.contains(" 1,280 tokens/s"), told);
  }

  @Test
  void the_closing_counts_as_the_run_did() throws Exception {
    assertEquals("80 rows/s", speed(240, "regression", 3));
    assertEquals("240 rows/s", speed(240, "single_label_classification", 3));
  }

  private static String speed(double targetsPerSecond, String problem, int outputs)
      throws Exception {
    String json =
        """
        {"model_type": "mlp", "input_size": 2, "hidden_sizes": [4], "output_size": %d,
         "problem_type": "%s"}
        """
            .formatted(outputs, problem);
    return Closing.speed(
        ModelFamilies.parse("model", new ObjectMapper().readTree(json), DataSizes.unknown()),
        OptionalDouble.of(targetsPerSecond));
  }
}
