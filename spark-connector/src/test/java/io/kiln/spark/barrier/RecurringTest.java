package io.kiln.spark.barrier;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;

class RecurringTest {
  private final List<String> log = new ArrayList<>();
  private int runs;

  @SuppressWarnings("unchecked")
  private static <E extends Throwable> void throwUndeclared(Throwable any) throws E {
    throw (E) any;
  }

  @Test
  void what_throws_is_told_once_in_one_line_and_comes_again() {
    Recurring looks =
        new Recurring(
            "looking",
            () -> {
              runs++;
              if (runs < 4) {
                throw new IllegalStateException("the scheduler is away\nmore");
              }
              if (runs == 4) {
                RecurringTest.<RuntimeException>throwUndeclared(new TimeoutException("late"));
              }
            },
            log::add);
    for (int i = 0; i < 5; i++) {
      looks.run();
    }
    assertEquals(5, runs);
    assertEquals(
        List.of(
            "looking failed and is tried again: the scheduler is away",
            "looking failed and is tried again: TimeoutException: late"),
        log);
  }
}
