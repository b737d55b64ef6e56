package io.kiln.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.Arrays;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DropoutTest {
  private static final Pass PASS = new Pass(true, 11, 5, 0);

  private static double[] ones(Dropout dropout, Pass pass, ScalarType type, long... shape) {
    return BlockWalk.doubles(dropout.apply(torch.ones(shape).to(type), pass));
  }

  @ParameterizedTest
  @EnumSource(
      value = ScalarType.class,
      names = {"Float", "BFloat16", "Half"})
  void keeps_the_mean_and_drops_its_share(ScalarType type) {
    try (PointerScope scope = new PointerScope()) {
      double[] values = ones(new Dropout(0.2, 3, 1), PASS, type, 4, 100, 251);
      long dropped = Arrays.stream(values).filter(v -> v == 0).count();
      assertEquals(0.2, dropped / (double) values.length, 0.007);
      assertArrayEquals(
          new double[] {0, 1.25},
          Arrays.stream(values).distinct().sorted().toArray(),
          type == ScalarType.Float ? 1e-4 : 1e-2);
    }
  }

  @Test
  void the_mask_does_not_know_how_rows_are_cut_into_micro_batches() {
    try (PointerScope scope = new PointerScope()) {
      Dropout dropout = new Dropout(0.5, 3, 1);
      double[] whole = ones(dropout, PASS, ScalarType.Float, 4, 10);
      double[] first = ones(dropout, PASS, ScalarType.Float, 1, 10);
      double[] rest = ones(dropout, new Pass(true, 11, 5, 1), ScalarType.Float, 3, 10);
      assertArrayEquals(Arrays.copyOf(whole, 10), first);
      assertArrayEquals(Arrays.copyOfRange(whole, 10, 40), rest);
    }
  }

  @Test
  void seed_step_row_block_and_site_each_change_it() {
    try (PointerScope scope = new PointerScope()) {
      Dropout dropout = new Dropout(0.5, 3, 1);
      double[] base = ones(dropout, PASS, ScalarType.Float, 1, 64);
      double[][] others = {
        ones(dropout, new Pass(true, 12, 5, 0), ScalarType.Float, 1, 64),
        ones(dropout, new Pass(true, 11, 6, 0), ScalarType.Float, 1, 64),
        ones(dropout, new Pass(true, 11, 5, 1), ScalarType.Float, 1, 64),
        ones(new Dropout(0.5, 4, 1), PASS, ScalarType.Float, 1, 64),
        ones(new Dropout(0.5, 3, 2), PASS, ScalarType.Float, 1, 64),
      };
      for (double[] other : others) {
        assertFalse(Arrays.equals(base, other));
      }
    }
  }

  @Test
  void costs_nothing_outside_training_or_at_zero() {
    try (PointerScope scope = new PointerScope()) {
      Tensor x = torch.ones(2, 3);
      assertSame(x, new Dropout(0.5, 0, 0).apply(x, Pass.evaluation()));
      assertSame(x, new Dropout(0, 0, 0).apply(x, PASS));
    }
  }

  @Test
  void a_decoder_with_dropout_is_the_same_for_any_micro_batches() {
    try (PointerScope scope = new PointerScope();
        Model model = SmallDecoders.gpt2(new DecoderConfig.Dropouts(0.3, 0.3, 0.3)).model()) {
      BlockWalk walk = new BlockWalk(model, 1, ScalarType.Float);
      int[][] ids = {{1, 2, 3, 4}, {5, 6, 7, 8}};
      double[] both = BlockWalk.doubles(walk.forward(BlockWalk.tokens(ids), PASS));
      double[] second =
          BlockWalk.doubles(
              walk.forward(BlockWalk.tokens(new int[][] {ids[1]}), new Pass(true, 11, 5, 1)));
      assertArrayEquals(Arrays.copyOfRange(both, both.length / 2, both.length), second, 1e-5);
      double[] without = BlockWalk.doubles(walk.forward(BlockWalk.tokens(ids), Pass.evaluation()));
      assertFalse(Arrays.equals(both, without));
    }
  }
}
