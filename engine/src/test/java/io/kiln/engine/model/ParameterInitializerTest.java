package io.kiln.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

class ParameterInitializerTest {
  private static double[] values(long seed, String name, long elements, Initialization how) {
    try (PointerScope scope = new PointerScope()) {
      Tensor target = torch.full(new long[] {elements}, new org.bytedeco.pytorch.Scalar(7f));
      new ParameterInitializer(seed)
          .fill(new ParameterSpec(name, List.of(elements), ParameterRole.COLUMN, how), target);
      return BlockWalk.doubles(target);
    }
  }

  @Test
  void normal_values_have_the_mean_deviation_and_tails_of_a_normal() {
    int n = 600_001;
    double[] values = values(1, "w", n, new Initialization.Normal(3, 2));
    double mean = Arrays.stream(values).average().orElseThrow();
    double variance =
        Arrays.stream(values).map(v -> (v - mean) * (v - mean)).average().orElseThrow();
    double fourth =
        Arrays.stream(values).map(v -> Math.pow((v - mean) / 2, 4)).average().orElseThrow();
    double outside = Arrays.stream(values).filter(v -> Math.abs(v - 3) > 4).count() / (double) n;
    // Five standard errors each.
    assertEquals(3, mean, 5 * 2 / Math.sqrt(n));
    assertEquals(4, variance, 5 * 4 * Math.sqrt(2.0 / n));
    assertEquals(3, fourth, 5 * Math.sqrt(96.0 / n));
    assertEquals(0.0455, outside, 5 * Math.sqrt(0.0455 / n));
    assertEquals(n, Arrays.stream(values).distinct().count(), n * 0.05);
  }

  @Test
  void uniform_values_stay_in_their_range_and_fill_it() {
    double[] values = values(1, "w", 300_000, new Initialization.Uniform(-0.5, 0.25));
    double low = Arrays.stream(values).min().orElseThrow();
    double high = Arrays.stream(values).max().orElseThrow();
    assertTrue(low >= -0.5 && low < -0.4999, "lowest " + low);
    assertTrue(high < 0.25 && high > 0.2499, "highest " + high);
    assertEquals(-0.125, Arrays.stream(values).average().orElseThrow(), 0.003);
  }

  @Test
  void values_depend_on_seed_and_name_alone() {
    Initialization normal = new Initialization.Normal(0, 1);
    double[] first = values(1, "a", 1001, normal);
    values(1, "b", 5, normal);
    assertArrayEquals(first, values(1, "a", 1001, normal));
    assertNotEquals(first[0], values(2, "a", 1001, normal)[0]);
    assertNotEquals(first[0], values(1, "b", 1001, normal)[0]);
  }

  /** Pieces begin and end inside of the chunks of 2^18, at their borders and in the last one. */
  @Test
  void a_piece_has_the_bits_of_the_whole() {
    int n = (1 << 19) + 4_321;
    for (Initialization how :
        List.of(
            new Initialization.Normal(0.5, 2),
            new Initialization.Uniform(-1, 1),
            new Initialization.Constant(3))) {
      ParameterSpec spec = new ParameterSpec("w", List.of((long) n), ParameterRole.COLUMN, how);
      double[] whole = values(1, "w", n, how);
      int[] borders = {0, 1, 131_072, 262_143, 262_144, 300_000, 524_289, n};
      for (int i = 0; i + 1 < borders.length; i++) {
        try (PointerScope scope = new PointerScope()) {
          Tensor piece = torch.empty(borders[i + 1] - borders[i]);
          new ParameterInitializer(1).fill(spec, borders[i], piece);
          assertArrayEquals(
              Arrays.copyOfRange(whole, borders[i], borders[i + 1]), BlockWalk.doubles(piece));
        }
      }
    }
  }

  @Test
  void a_piece_that_reaches_beyond_the_parameter_is_refused() {
    ParameterSpec spec =
        new ParameterSpec(
            "w", List.of(2L, 3L), ParameterRole.COLUMN, new Initialization.Constant(1));
    try (PointerScope scope = new PointerScope()) {
      Tensor piece = torch.empty(4);
      String line =
          assertThrows(
                  IllegalArgumentException.class,
                  () -> new ParameterInitializer(1).fill(spec, 3, piece))
              .getMessage();
      assertEquals(
          "w of shape [2, 3] does not fill a tensor of 4 elements from element 3 on", line);
    }
  }

  @Test
  void constants_are_filled() {
    assertArrayEquals(new double[] {1, 1, 1}, values(1, "w", 3, new Initialization.Constant(1)));
  }

  @Test
  void gpt2_starts_as_published() {
    DecoderConfig config = SmallDecoders.gpt2();
    for (Block block : config.model().blocks()) {
      for (ParameterSpec spec : block.parameters()) {
        Initialization want =
            spec.name().endsWith("c_proj.weight")
                ? new Initialization.Normal(0, 0.3 / Math.sqrt(4))
                : spec.name().endsWith(".bias")
                    ? new Initialization.Constant(0)
                    : spec.name().contains("ln_")
                        ? new Initialization.Constant(1)
                        : new Initialization.Normal(0, 0.3);
        assertEquals(want, spec.initialization(), spec.name());
      }
    }
  }
}
