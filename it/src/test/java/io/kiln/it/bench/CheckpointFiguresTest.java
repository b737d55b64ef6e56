package io.kiln.it.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What given reports of two ranks are judged to be. */
class CheckpointFiguresTest {
  private final CheckpointFigures figures = new CheckpointFigures(2);

  /** A turn of 1,000 ms on both ranks, which have waited so long. */
  private void turn(int stage, int repetition, double first, double second) throws Exception {
    for (double wait : new double[] {first, second}) {
      figures.add(
          new ObjectMapper()
              .readTree(
                  """
                  {"kind": "turn", "dtype": "bf16", "stage": %d, "repetition": %d,
                   "checkpoints": true, "ms": 1000, "steps": 20, "wait": %s}
                  """
                      .formatted(stage, repetition, wait)));
    }
  }

  @Test
  void the_median_over_turns_of_the_mean_over_ranks_is_to_be_below_the_limit() throws Exception {
    turn(3, 0, 0, 38);
    turn(3, 1, 10, 20);
    turn(3, 2, 500, 500);
    assertTrue(figures.below(0.02));
    assertEquals(
        List.of(
            "bf16 stage 3: good: 1.90 % of the training time waits for checkpoints,"
                + " to be below 2.00 %"),
        figures.verdict(0.02));
    assertFalse(figures.below(0.019));
  }

  @Test
  void one_training_that_waits_too_long_is_named_and_decides() throws Exception {
    turn(2, 0, 1, 1);
    turn(3, 0, 20, 20);
    assertFalse(figures.below(0.02));
    assertTrue(figures.verdict(0.02).get(0).startsWith("bf16 stage 2: good: 0.10 %"));
    assertTrue(figures.verdict(0.02).get(1).startsWith("bf16 stage 3: TOO LONG: 2.00 %"));
  }
}
