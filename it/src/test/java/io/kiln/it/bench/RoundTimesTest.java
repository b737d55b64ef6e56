package io.kiln.it.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

class RoundTimesTest {
  @Test
  void a_round_is_what_lies_between_two_pauses_without_the_steps_they_fell_into() {
    List<Double> millis = List.of(9.0, 3.0, 104.0, 1.0, 2.0, 107.0, 4.0, 5.0, 102.0, 8.0);
    assertEquals(
        List.of(List.of(1.0, 2.0), List.of(4.0, 5.0)),
        RoundTimes.between(millis, List.of(100.0, 100.0, 100.0)));
  }

  @Test
  void a_training_may_end_in_its_last_pause() {
    List<Double> millis = List.of(9.0, 104.0, 1.0, 107.0, 4.0);
    assertEquals(
        List.of(List.of(1.0), List.of(4.0)),
        RoundTimes.between(millis, List.of(100.0, 100.0, 100.0)));
  }

  @Test
  void a_pause_that_no_step_shows_is_told() {
    IllegalStateException failed =
        assertThrows(
            IllegalStateException.class,
            () -> RoundTimes.between(List.of(1.0, 101.0, 1.0), List.of(100.0, 100.0, 100.0)));
    assertEquals("of 3 pauses only 1 are in the steps", failed.getMessage());
  }

  @Test
  void a_machine_that_gets_slower_all_the_time_favours_neither() {
    // Both need the same: one unit a round more than in the round before.
    List<List<Double>> first = List.of(List.of(10.0), List.of(12.0), List.of(14.0));
    List<List<Double>> second = List.of(List.of(11.0), List.of(13.0));
    assertEquals(List.of(1.0, 1.0), RoundTimes.ratios(first, second));
  }

  @Test
  void one_slow_step_does_not_decide_a_round() {
    List<List<Double>> first = List.of(List.of(10.0, 10.0, 90.0), List.of(10.0));
    assertEquals(List.of(1.1), RoundTimes.ratios(first, List.of(List.of(11.0, 11.0, 70.0))));
  }

  @Test
  void a_round_without_a_whole_step_is_told() {
    IllegalStateException failed =
        assertThrows(
            IllegalStateException.class,
            () -> RoundTimes.ratios(List.of(List.of(1.0), List.of()), List.of(List.of(1.0))));
    assertEquals("a round holds no whole step: --seconds has to be more", failed.getMessage());
  }
}
