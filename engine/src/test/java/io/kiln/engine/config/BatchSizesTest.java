package io.kiln.engine.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BatchSizesTest {
  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        // batch, micro, accumulation, ranks -> batch, micro, accumulation
        "32, 4, 2, 4, 32, 4, 2",
        "32, 4, -, 4, 32, 4, 2",
        "32, -, 2, 4, 32, 4, 2",
        "-, 4, 2, 4, 32, 4, 2",
        "32, -, -, 4, 32, 8, 1",
        "-, 4, -, 4, 16, 4, 1",
        "12, -, 3, 1, 12, 4, 3",
      })
  void the_batch_triangle(
      Integer batch, Integer micro, Integer accumulation, int ranks, int b, int m, int a) {
    assertEquals(new BatchSizes(b, m, a), parse(triangle(batch, micro, accumulation), ranks));
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      delimiter = '|',
      value = {
        "32 | 4 | 3 | 4 | train_batch_size 32 is not train_micro_batch_size_per_gpu 4"
            + " x gradient_accumulation_steps 3 x 4 ranks = 48: make them agree or leave one out",
        "33 | 4 | - | 4 | train_batch_size 33 is not train_micro_batch_size_per_gpu 4 x"
            + " gradient_accumulation_steps 2 (found from the others) x 4 ranks = 32: make them"
            + " agree or leave one out",
        "3 | - | - | 4 | train_batch_size 3 is not train_micro_batch_size_per_gpu 0 (found from the"
            + " others) x gradient_accumulation_steps 1 (found from the others) x 4 ranks = 0:"
            + " make them agree or leave one out",
        "4 | 8 | - | 2 | train_batch_size 4 is not train_micro_batch_size_per_gpu 8 x"
            + " gradient_accumulation_steps 0 (found from the others) x 2 ranks = 0: make them"
            + " agree or leave one out",
        "- | - | 4 | 2 | needs train_batch_size or train_micro_batch_size_per_gpu",
        "- | - | - | 2 | needs train_batch_size or train_micro_batch_size_per_gpu",
      })
  void batch_sizes_that_contradict(
      Integer batch, Integer micro, Integer accumulation, int ranks, String message) {
    assertEquals("deepspeed: " + message, message(triangle(batch, micro, accumulation), ranks));
  }

  @Test
  void batch_sizes_below_one_are_refused() {
    assertEquals(
        "deepspeed.train_micro_batch_size_per_gpu: must be at least 1, not 0",
        message("{\"train_batch_size\": 8, \"train_micro_batch_size_per_gpu\": 0}", 2));
    assertEquals(
        "deepspeed.gradient_accumulation_steps: must be at least 1, not -2",
        message("{\"train_batch_size\": 8, \"gradient_accumulation_steps\": -2}", 2));
  }

  private static BatchSizes parse(String json, int ranks) {
    try {
      return DeepSpeedConfig.parse(new ObjectMapper().readTree(json), ranks).batch();
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static String message(String json, int ranks) {
    return assertThrows(ConfigException.class, () -> parse(json, ranks)).getMessage();
  }

  private static String triangle(Integer batch, Integer micro, Integer accumulation) {
    return "{\"train_batch_size\": %s, \"train_micro_batch_size_per_gpu\": %s, \"gradient_accumulation_steps\": %s}"
        .formatted(batch, micro, accumulation);
  }
}
