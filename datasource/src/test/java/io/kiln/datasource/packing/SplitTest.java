package io.kiln.datasource.packing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.kiln.datasource.DataException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SplitTest {
  @ParameterizedTest
  @CsvSource({
    "10,0.1,9",
    "10,0.9,1", // 10 * (1 - 0.9) is 0.9999999999999998 in binary
    "10,0.3,7",
    "9,0.1,8",
    "1115394,0.1,1003854", // nanoGPT's prepare.py on Shakespeare
    "7,0,7",
    "0,0.5,0"
  })
  void training_is_the_exact_floor(long units, double fraction, long training) {
    Split split = Split.of(units, fraction);
    assertEquals(training, split.training());
    assertEquals(units - training, split.validation());
  }

  @Test
  void a_fraction_outside_is_refused() {
    assertThrows(DataException.class, () -> Split.of(10, 1));
    assertThrows(DataException.class, () -> Split.of(10, -0.1));
    assertThrows(DataException.class, () -> Split.of(10, Double.NaN));
  }
}
