package io.kiln.spark.barrier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class RestartBudgetTest {
  private static final long SECOND = 1_000_000_000L;

  @Test
  void so_many_starts_within_the_window_and_no_more() {
    RestartBudget budget = new RestartBudget(2, Duration.ofSeconds(60));
    assertTrue(budget.spend(0));
    assertTrue(budget.spend(30 * SECOND));
    assertFalse(budget.spend(60 * SECOND));
  }

  @Test
  void what_is_older_than_the_window_is_forgotten() {
    RestartBudget budget = new RestartBudget(2, Duration.ofSeconds(60));
    for (long second = 0; second < 1000; second += 31) {
      assertTrue(budget.spend(second * SECOND), second + " s");
    }
  }

  @Test
  void none_is_none() {
    assertFalse(new RestartBudget(0, Duration.ofSeconds(60)).spend(0));
  }

  @Test
  void it_reads_as_a_limit() {
    assertEquals(
        "10 new starts within 60 min", new RestartBudget(10, Duration.ofHours(1)).toString());
  }
}
