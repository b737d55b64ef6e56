package io.kiln.spark.console;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.ModelDefinition;
import io.kiln.engine.model.family.ModelFamilies;
import io.kiln.spark.output.TrainingSummary;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** What a person sees at the end of a run. */
class ClosingTest {
  private static String figures(String summary) throws Exception {
    ObjectMapper json = new ObjectMapper();
    ModelDefinition mlp =
        ModelFamilies.parse(
            "model",
            json.readTree(
                "{\"model_type\": \"mlp\", \"input_size\": 2, \"hidden_sizes\": [3],"
                    + " \"output_size\": 2}"),
            DataSizes.unknown());
    return Closing.figures(
        TrainingSummary.ofJson(json.readTree(summary.replace('\'', '"'))),
        mlp,
        Duration.ofSeconds(12));
  }

  @Test
  void a_run_with_no_step_left_has_no_figures_to_ask_for() throws Exception {
    assertEquals("no step was left to take; 12 s in all", figures("{'steps': 0}"));
    assertEquals(
        "no step was left to take; validation 0.2500; 12 s in all",
        figures("{'steps': 0, 'validation_loss': 0.25}"));
  }

  @Test
  void figures_are_loss_and_speed() throws Exception {
    assertEquals(
        "loss 2.0000 -> 1.0000, validation 0.2500; 3.5 ms a step, 500 rows/s; 12 s in all",
        figures(
            "{'steps': 7, 'first_loss': 2, 'final_train_loss': 1, 'validation_loss': 0.25,"
                + " 'step_ms_median': 3.5, 'tokens_per_second': 1000}"));
  }
}
