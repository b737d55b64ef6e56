package io.kiln.engine.train;

import static io.kiln.engine.train.SmallTraining.BATCH;
import static io.kiln.engine.train.SmallTraining.CLIP;
import static io.kiln.engine.train.SmallTraining.EPSILON;
import static io.kiln.engine.train.SmallTraining.LEARNING_RATE;
import static io.kiln.engine.train.SmallTraining.SEED;
import static io.kiln.engine.train.SmallTraining.TIED;
import static io.kiln.engine.train.SmallTraining.TIME;
import static io.kiln.engine.train.SmallTraining.UNTIED;
import static io.kiln.engine.train.SmallTraining.VOCABULARY;
import static io.kiln.engine.train.SmallTraining.config;
import static io.kiln.engine.train.SmallTraining.model;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.LocalRanks;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.config.DeepSpeedConfig;
import io.kiln.engine.model.Model;
import io.kiln.engine.tensor.PointerBalance;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TrainingTest {
  private static final int STEPS = 5;

  /** What a rank saw of a run; the parameters on rank 0 only. */
  private record Outcome(List<StepReport> steps, Map<String, float[]> parameters) {
    List<Double> losses() {
      return steps.stream().map(StepReport::loss).toList();
    }
  }

  private static Outcome train(int ranks, String model, ObjectNode config, int steps) {
    return LocalRanks.run(ranks, c -> rank(c, model, config, steps)).get(0);
  }

  private static Outcome rank(
      Communicator communicator, String modelConfig, ObjectNode json, int steps) throws Exception {
    DeepSpeedConfig config = DeepSpeedConfig.parse(json, communicator.size());
    try (Model model = model(modelConfig);
        Training training =
            new Training(new TrainingPlan(model, config, SEED, "cpu"), communicator);
        RandomTokens source =
            new RandomTokens(communicator, BATCH, config.batch().micro(), TIME, VOCABULARY)) {
      List<StepReport> reports = new ArrayList<>();
      for (int i = 0; i < steps; i++) {
        reports.add(training.step(source));
      }
      Map<String, float[]> parameters = new LinkedHashMap<>();
      training.exportParameters(
          (spec, value) -> parameters.put(spec.name(), PlainTraining.floats(value)));
      return new Outcome(reports, parameters);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0, 1, 2", "1, 1, 2", "2, 1, 2", "3, 1, 2",
    "0, 2, 1", "1, 2, 1", "2, 2, 1", "3, 2, 1",
    "0, 2, 4", "1, 2, 4", "2, 2, 4", "3, 2, 4",
    "0, 4, 2", "1, 4, 2", "2, 4, 2", "3, 4, 2",
  })
  void every_stage_trains_as_a_plain_loop_does(int stage, int ranks, int accumulation)
      throws Exception {
    for (String config : List.of(TIED, UNTIED)) {
      Map<String, float[]> plain;
      try (Model model = model(config);
          RandomTokens source =
              new RandomTokens(LocalRanks.solo(), BATCH, BATCH, TIME, VOCABULARY)) {
        plain = PlainTraining.train(model, SEED, source, STEPS, LEARNING_RATE, EPSILON, CLIP);
      }
      Outcome outcome = train(ranks, config, config(stage, accumulation), STEPS);
      // The clipping must have bitten, or the test shows less than it says.
      assertTrue(outcome.steps().get(0).gradientNorm() > CLIP);
      assertEquals(plain.keySet(), outcome.parameters().keySet());
      plain.forEach(
          (name, values) -> assertArrayEquals(values, outcome.parameters().get(name), 1e-5f, name));
    }
  }

  @ParameterizedTest
  @CsvSource({"fp32, 2", "bf16, 2", "fp32, 4", "bf16, 4"})
  void all_stages_give_the_same_bits(String dtype, int ranks) throws Exception {
    for (String model : List.of(TIED, UNTIED)) {
      Outcome first = null;
      for (int stage = 0; stage <= 3; stage++) {
        ObjectNode config = config(stage, 1);
        config.putObject("bf16").put("enabled", dtype.equals("bf16"));
        Outcome outcome = train(ranks, model, config, STEPS);
        if (first == null) {
          first = outcome;
        }
        assertEquals(first.losses(), outcome.losses(), "stage " + stage);
        for (Map.Entry<String, float[]> entry : first.parameters().entrySet()) {
          assertArrayEquals(entry.getValue(), outcome.parameters().get(entry.getKey()), 0f);
        }
      }
    }
  }

  @Test
  void the_loss_curve_does_not_know_the_number_of_ranks() throws Exception {
    Outcome one = train(1, TIED, config(0, 1), 12);
    for (int ranks : new int[] {2, 4, 8}) {
      for (int stage : new int[] {0, 3}) {
        Outcome many = train(ranks, TIED, config(stage, 1), 12);
        for (int i = 0; i < 12; i++) {
          assertEquals(one.losses().get(i), many.losses().get(i), 1e-4);
        }
      }
    }
  }

  @Test
  void a_bf16_run_stays_near_the_fp32_run_and_keeps_its_small_updates() throws Exception {
    ObjectNode narrow = config(2, 2);
    narrow.putObject("bf16").put("enabled", true);
    Outcome fp32 = train(2, TIED, config(2, 2), 20);
    Outcome bf16 = train(2, TIED, narrow, 20);
    for (int i = 0; i < 20; i++) {
      assertEquals(fp32.losses().get(i), bf16.losses().get(i), 0.05);
    }
    assertTrue(bf16.losses().get(19) < bf16.losses().get(0) - 0.3);
  }

  /**
   * 2^24 times the gradients of a loss near ln 31 cannot be held in fp16 (65504 at the most), so
   * the first steps overflow, on every rank, until halving has brought the scale down.
   */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void an_overflow_skips_the_step_on_all_ranks_together(int stage) throws Exception {
    ObjectNode config = config(stage, 1);
    config
        .putObject("fp16")
        .put("enabled", true)
        .put("initial_scale_power", 24)
        .put("hysteresis", 1);
    List<Outcome> ranks = LocalRanks.run(2, c -> rank(c, TIED, config, 14));
    List<StepReport> steps = ranks.get(0).steps();
    assertTrue(steps.get(0).skipped());
    assertFalse(steps.get(13).skipped());
    double scale = Math.pow(2, 24);
    for (int i = 0; i < steps.size(); i++) {
      assertEquals(scale, steps.get(i).lossScale());
      if (steps.get(i).skipped()) {
        scale /= 2;
      }
      assertEquals(steps.get(i).skipped(), ranks.get(1).steps().get(i).skipped());
    }
    // A skipped step changes nothing; its batch differs from the next one's, but not by much.
    assertEquals(Math.log(VOCABULARY), steps.get(0).loss(), 0.1);
    assertEquals(Math.log(VOCABULARY), steps.get(1).loss(), 0.1);
    assertTrue(steps.get(13).loss() < steps.get(0).loss());
  }

  @Test
  void gradients_may_travel_in_another_dtype_or_scale() throws Exception {
    Outcome plain = train(2, TIED, config(2, 2), STEPS);
    ObjectNode scaled = config(2, 2);
    scaled.put("gradient_predivide_factor", 4.0);
    ObjectNode narrow = config(2, 2);
    narrow.put("communication_data_type", "bf16");
    for (int i = 0; i < STEPS; i++) {
      assertEquals(
          plain.losses().get(i), train(2, TIED, scaled, STEPS).losses().get(i), 1e-5, "scaled");
      assertEquals(
          plain.losses().get(i), train(2, TIED, narrow, STEPS).losses().get(i), 2e-2, "narrow");
    }
    // Rounded on the way: a key that is ignored would give the same bits.
    assertNotEquals(plain.losses(), train(2, TIED, narrow, STEPS).losses());
  }

  @Test
  void buffers_and_overlap_do_not_change_the_result() throws Exception {
    Outcome plain = train(2, TIED, config(3, 1), STEPS);
    ObjectNode config = config(3, 1);
    config
        .withObject("/zero_optimization")
        .put("overlap_comm", false)
        .put("stage3_max_live_parameters", 1)
        .put("stage3_prefetch_bucket_size", 0);
    assertEquals(plain.losses(), train(2, TIED, config, STEPS).losses());
  }

  @Test
  void a_step_leaves_nothing_behind() throws Exception {
    for (int stage = 0; stage <= 3; stage++) {
      ObjectNode config = config(stage, 2);
      PointerBalance.assertKept(() -> train(2, TIED, config, 3));
    }
  }

  /** The rows of some steps, as a validation split. */
  private record Split(RandomTokens tokens, int steps) implements EvaluationSource {
    @Override
    public Iterator<MicroBatch> pass(long limit) {
      return IntStream.rangeClosed(1, steps)
          .mapToObj(tokens::next)
          .flatMap(List::stream)
          .limit(limit)
          .iterator();
    }

    @Override
    public void close() {}
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void an_evaluation_is_the_mean_over_all_targets_and_disturbs_no_training(int stage)
      throws Exception {
    // With a rate of 0 every step's loss is that of the first values: so is an evaluation's.
    ObjectNode frozen = config(stage, 2);
    ((ObjectNode) frozen.at("/optimizer/params")).put("lr", 0.0);
    double valid = 0;
    double lossSum = 0;
    for (StepReport step : train(2, TIED, frozen, 1).steps()) {
      lossSum += step.loss() * step.tokens();
      valid += step.tokens();
    }
    double expected = lossSum / valid;
    Outcome undisturbed = train(2, TIED, config(stage, 2), 4);
    LocalRanks.run(
        2,
        communicator -> {
          DeepSpeedConfig config = DeepSpeedConfig.parse(config(stage, 2), 2);
          try (Model model = model(TIED);
              Training training =
                  new Training(new TrainingPlan(model, config, SEED, "cpu"), communicator);
              RandomTokens source = new RandomTokens(communicator, BATCH, 4, TIME, VOCABULARY);
              RandomTokens rows = new RandomTokens(communicator, BATCH, 4, TIME, VOCABULARY)) {
            EvaluationReport report = training.evaluate(new Split(rows, 1), Long.MAX_VALUE);
            assertEquals(expected, report.loss(), 1e-6);
            for (int i = 0; i < 4; i++) {
              assertEquals(undisturbed.losses().get(i), training.step(source).loss());
              training.evaluate(new Split(rows, 1), 1);
            }
            return null;
          }
        });
  }

  @Test
  void dropout_falls_on_the_same_rows_on_any_number_of_ranks() throws Exception {
    String dropping = TIED.replace("\"resid_pdrop\": 0", "\"resid_pdrop\": 0.2");
    Outcome one = train(1, dropping, config(0, 1), STEPS);
    Outcome four = train(4, dropping, config(3, 2), STEPS);
    Outcome without = train(1, TIED, config(0, 1), STEPS);
    for (int i = 0; i < STEPS; i++) {
      assertEquals(one.losses().get(i), four.losses().get(i), 1e-4);
    }
    assertTrue(Math.abs(one.losses().get(0) - without.losses().get(0)) > 1e-4);
  }

  @Test
  void parameter_groups_hold_whatever_the_shards_cut_through() throws Exception {
    ObjectNode grouped = config(0, 1);
    ObjectNode params = (ObjectNode) grouped.at("/optimizer/params");
    params.put("layer_decay", 0.7);
    params
        .putArray("groups")
        .addObject()
        .put("weight_decay", 0.0)
        .put("lr_scale", 0.1)
        .putArray("pattern")
        .add("*.bias")
        .add("*.ln_*.weight");
    Outcome one = train(1, TIED, grouped, STEPS);
    ObjectNode sharded = grouped.deepCopy();
    sharded.withObject("/zero_optimization").put("stage", 3);
    Outcome four = train(4, TIED, sharded, STEPS);
    Outcome plain = train(1, TIED, config(0, 1), STEPS);
    one.parameters()
        .forEach(
            (name, values) -> assertArrayEquals(values, four.parameters().get(name), 1e-5f, name));
    float[] grouplessBias = plain.parameters().get("transformer.h.0.mlp.c_fc.bias");
    float[] groupedBias = one.parameters().get("transformer.h.0.mlp.c_fc.bias");
    assertTrue(norm(groupedBias) < 0.2 * norm(grouplessBias));
  }

  private static double norm(float[] values) {
    double squares = 0;
    for (float value : values) {
      squares += (double) value * value;
    }
    return Math.sqrt(squares);
  }
}
