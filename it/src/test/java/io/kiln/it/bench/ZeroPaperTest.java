package io.kiln.it.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.kiln.engine.tensor.Dtype;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ZeroPaperTest {
  /** Figure 1 of the paper: 7.5 billion parameters on 64 ranks, in gigabytes. */
  @ParameterizedTest
  @CsvSource({"0, 120", "1, 31.4", "2, 16.6", "3, 1.9"})
  void mixed_precision_takes_what_the_papers_figure_shows(int stage, double gigabytes) {
    long bytes = ZeroPaper.of(7_500_000_000L, Dtype.BF16, stage, 64).total();
    assertEquals(gigabytes, bytes / 1e9, 0.05);
  }

  @Test
  void fp32_takes_sixteen_bytes_a_parameter_without_a_second_copy() {
    assertEquals(new ZeroPaper(400, 400, 800), ZeroPaper.of(100, Dtype.FP32, 0, 2));
    assertEquals(new ZeroPaper(400, 400, 400), ZeroPaper.of(100, Dtype.FP32, 1, 2));
    assertEquals(new ZeroPaper(400, 200, 400), ZeroPaper.of(100, Dtype.FP32, 2, 2));
    assertEquals(new ZeroPaper(200, 200, 400), ZeroPaper.of(100, Dtype.FP32, 3, 2));
  }

  /** What the published checkpoints hold. */
  @Test
  void shapes_have_as_many_parameters_as_the_models_that_were_published() {
    assertEquals(124_439_808, GptShape.SMALL.parameters());
    assertEquals(354_823_168, GptShape.MEDIUM.parameters());
  }
}
