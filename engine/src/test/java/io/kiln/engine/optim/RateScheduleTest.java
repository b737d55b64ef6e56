package io.kiln.engine.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.engine.config.DeepSpeedConfig;
import org.junit.jupiter.api.Test;

class RateScheduleTest {
  private static DeepSpeedConfig config(String params, String scheduler) {
    try {
      return DeepSpeedConfig.parse(
          new ObjectMapper()
              .readTree(
                  """
                  {"train_batch_size": 1, "optimizer": {"type": "AdamW", "params": {"lr": 0.1,
                   "weight_decay": 0.2, "betas": [0.9, 0.95], %s}} %s}
                  """
                      .formatted(params, scheduler)),
          1);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
  }

  @Test
  void groups_have_their_own_rate_and_decay_and_the_first_match_wins() {
    DeepSpeedConfig config =
        config(
            """
            "groups": [{"pattern": "*.bias", "weight_decay": 0},
                       {"pattern": "h.*", "lr": 0.3, "weight_decay": 0.5}]
            """,
            """
            , "scheduler": {"type": "linear", "params": {"total_num_steps": 10}}
            """);
    ParameterGroups groups = new ParameterGroups(config.groups(), 4);
    RateSchedule rates = RateSchedule.of(config, groups);
    assertEquals(3, groups.count());
    assertEquals(0, groups.groupOf(0, "wte.weight"));
    assertEquals(1, groups.groupOf(1, "h.0.attn.bias"));
    assertEquals(2, groups.groupOf(1, "h.0.attn.weight"));
    assertEquals(new Rates(0.1, 0.2, 0.9, 0.95), rates.at(0, 0));
    assertEquals(new Rates(0.1, 0, 0.9, 0.95), rates.at(0, 1));
    assertEquals(0.3, rates.at(0, 2).learningRate(), 1e-15);
    assertEquals(0.5, rates.at(0, 2).weightDecay());
    assertEquals(0.15, rates.at(5, 2).learningRate(), 1e-15);
    assertThrows(IllegalArgumentException.class, () -> rates.at(0, 3));
  }

  @Test
  void without_groups_decay_applies_to_every_parameter() {
    DeepSpeedConfig config = config("\"bias_correction\": true", "");
    ParameterGroups groups = new ParameterGroups(config.groups(), 4);
    assertEquals(1, groups.count());
    assertEquals(0, groups.groupOf(3, "ln_f.bias"));
    assertEquals(new Rates(0.1, 0.2, 0.9, 0.95), RateSchedule.of(config, groups).at(1000, 0));
  }

  @Test
  void rates_fall_with_the_distance_from_the_top() {
    DeepSpeedConfig config =
        config(
            "\"layer_decay\": 0.5, \"groups\": [{\"pattern\": \"*.bias\", \"lr_scale\": 3}]", "");
    ParameterGroups groups = new ParameterGroups(config.groups(), 3);
    RateSchedule rates = RateSchedule.of(config, groups);
    assertEquals(6, groups.count());
    assertEquals(0, groups.groupOf(2, "head.weight"));
    double[] factors = {0.25, 0.5, 1};
    for (int block = 0; block < 3; block++) {
      double weight = rates.at(0, groups.groupOf(block, "a.weight")).learningRate();
      double bias = rates.at(0, groups.groupOf(block, "a.bias")).learningRate();
      assertEquals(0.1 * factors[block], weight, 1e-15);
      assertEquals(0.3 * factors[block], bias, 1e-15);
    }
    assertThrows(IllegalArgumentException.class, () -> groups.groupOf(3, "x"));
  }

  @Test
  void a_cycle_moves_the_betas() {
    DeepSpeedConfig config =
        config(
            "\"eps\": 1e-8",
            """
            , "scheduler": {"type": "OneCycle", "params": {"cycle_min_lr": 0.1,
               "cycle_max_lr": 0.5, "cycle_first_step_size": 4}}
            """);
    RateSchedule rates = RateSchedule.of(config, new ParameterGroups(config.groups(), 1));
    assertEquals(new Rates(0.1, 0.2, 0.8, 0.99), rates.at(0, 0));
    assertEquals(0.3, rates.at(2, 0).learningRate(), 1e-15);
    assertEquals(0.85, rates.at(2, 0).beta1(), 1e-15);
  }

  @Test
  void clipping_divides_by_the_norm_over_the_maximum_and_never_enlarges() {
    GradientClipping clipping = new GradientClipping(0.5);
    assertEquals((2 + 1e-6) / 0.5, clipping.divisor(2));
    assertEquals(1, clipping.divisor(0.25));
    assertEquals((0.5 + 1e-6) / 0.5, clipping.divisor(0.5));
    assertEquals(1, new GradientClipping(0).divisor(1e9));
  }
}
