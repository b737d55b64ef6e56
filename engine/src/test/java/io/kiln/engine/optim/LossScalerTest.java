package io.kiln.engine.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.engine.config.LossScaleConfig;
import org.junit.jupiter.api.Test;

/** Sequences worked out by hand from DeepSpeed's rules: {@code .} a clean step, {@code x} none. */
class LossScalerTest {
  private static LossScaler dynamic(double scale, long window, int hysteresis, boolean again) {
    return LossScaler.of(new LossScaleConfig.Dynamic(scale, window, 1, hysteresis, again));
  }

  private static void follows(LossScaler scaler, String steps, double... scaleAfterEach) {
    for (int i = 0; i < steps.length(); i++) {
      boolean finite = steps.charAt(i) == '.';
      assertEquals(finite, scaler.update(finite), "applied");
      assertEquals(scaleAfterEach[i], scaler.scale(), "after " + steps.substring(0, i + 1));
    }
  }

  @Test
  void the_first_doubling_comes_after_window_plus_one_clean_steps_then_every_window() {
    follows(dynamic(16, 2, 1, false), ".......", 16, 16, 32, 32, 64, 64, 128);
    follows(dynamic(16, 1, 1, false), "....", 16, 32, 64, 128);
  }

  @Test
  void after_an_overflow_it_waits_for_window_plus_one_again() {
    follows(dynamic(16, 2, 1, false), "..x...x", 16, 16, 8, 8, 8, 16, 8);
  }

  @Test
  void hysteresis_stays_used_up_until_the_scale_grows() {
    follows(dynamic(64, 2, 2, false), "x.xx...xx", 64, 64, 32, 16, 16, 16, 32, 32, 16);
  }

  @Test
  void consecutive_hysteresis_comes_back_with_any_clean_step() {
    follows(dynamic(64, 9, 2, true), "x.x.xx", 64, 64, 64, 64, 64, 32);
  }

  @Test
  void an_overflow_at_the_smallest_scale_is_an_error() {
    LossScaler scaler = dynamic(2, 9, 1, false);
    follows(scaler, "x", 1);
    assertEquals(
        "the gradient overflows at the smallest loss scale, 1.0: lower the learning rate, lower"
            + " fp16.min_loss_scale or train in bf16",
        assertThrows(NonFiniteGradientException.class, () -> scaler.update(false)).getMessage());
  }

  @Test
  void at_the_smallest_scale_no_hysteresis_is_waited_for_longer_than_a_hundred_steps() {
    LossScaler scaler = dynamic(1, 9, 1_000_000, false);
    for (int i = 0; i < 99; i++) {
      assertFalse(scaler.update(false));
    }
    assertTrue(scaler.update(true));
    for (int i = 0; i < 99; i++) {
      assertFalse(scaler.update(false));
    }
    String message =
        assertThrows(NonFiniteGradientException.class, () -> scaler.update(false)).getMessage();
    assertTrue(message.startsWith("the gradient overflows at the smallest loss scale, 1.0: "));
  }

  @Test
  void an_infinite_scale_that_was_restored_cannot_fall_and_is_an_error() {
    LossScaler scaler = dynamic(64, 9, 1, false);
    scaler.restore(new LossScaleState(Double.POSITIVE_INFINITY, 0, 1));
    assertThrows(NonFiniteGradientException.class, () -> scaler.update(false));
  }

  @Test
  void a_hundred_steps_skipped_at_a_fixed_scale_name_that_scale() {
    LossScaler scaler = LossScaler.of(new LossScaleConfig.Static(4096));
    for (int i = 0; i < 99; i++) {
      assertFalse(scaler.update(false));
    }
    assertEquals(
        "the gradient overflowed in 100 steps in a row at the loss scale 4096.0: lower"
            + " fp16.loss_scale, leave it out for a scale that adapts, or train in bf16",
        assertThrows(NonFiniteGradientException.class, () -> scaler.update(false)).getMessage());
  }

  @Test
  void a_restored_scaler_goes_on_where_the_other_stopped() {
    LossScaler first = dynamic(64, 3, 2, false);
    follows(first, "x..", 64, 64, 64);
    LossScaler second = dynamic(1024, 3, 2, false);
    second.restore(first.state());
    follows(second, "..x", 64, 128, 128);
    LossScaler third = dynamic(1024, 3, 2, false);
    third.restore(first.state());
    follows(third, "x", 32);
  }

  @Test
  void a_fixed_scale_skips_overflows_and_stays() {
    LossScaler scaler = LossScaler.of(new LossScaleConfig.Static(128));
    follows(scaler, ".x.", 128, 128, 128);
  }

  @Test
  void without_scaling_bf16_skips_and_fp32_ends_with_a_line() {
    assertEquals(1, LossScaler.of(new LossScaleConfig.None(true)).scale());
    assertFalse(LossScaler.of(new LossScaleConfig.None(true)).update(false));
    LossScaler fp32 = LossScaler.of(new LossScaleConfig.None(false));
    assertTrue(fp32.update(true));
    assertEquals(
        "the gradient is not finite (NaN or infinite): lower the learning rate, set"
            + " gradient_clipping, or look for such values in the data",
        assertThrows(NonFiniteGradientException.class, () -> fp32.update(false)).getMessage());
  }

  @Test
  void a_hundred_skipped_steps_in_a_row_end_the_run() {
    LossScaler bf16 = LossScaler.of(new LossScaleConfig.None(true));
    for (int i = 0; i < 99; i++) {
      assertFalse(bf16.update(false));
    }
    assertTrue(bf16.update(true));
    for (int i = 0; i < 99; i++) {
      assertFalse(bf16.update(false));
    }
    assertThrows(NonFiniteGradientException.class, () -> bf16.update(false));
  }
}
