package io.kiln.spark.barrier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class RankWatchTest {
  private static final long SECOND = 1_000_000_000L;

  private final RankWatch watch = new RankWatch(Duration.ofSeconds(10));

  private void beacon(int rank, String phase, long step, long progress, long second) {
    watch.heard(
        new RankMessage.Progress(rank, 0, "host", "exec" + rank, phase, step, progress),
        second * SECOND);
  }

  private List<Integer> stuckAt(long second) {
    return watch.stuck(second * SECOND).stream().map(stuck -> stuck.last().rank()).toList();
  }

  @Test
  void a_rank_that_is_silent_for_longer_than_the_timeout_is_stuck() {
    beacon(0, "training", 7, 70, 0);
    beacon(1, "training", 7, 70, 0);
    beacon(0, "training", 7, 71, 10);
    assertEquals(List.of(), stuckAt(10));
    assertEquals(List.of(1), stuckAt(11));
    assertEquals(
        "has not been heard for 10 s (training.stall_timeout), after step 7, training: its"
            + " executor is replaced",
        watch.stuck(11 * SECOND).get(0).line());
  }

  @Test
  void silence_counts_in_every_phase() {
    beacon(0, "saving", 7, 70, 0);
    assertEquals(List.of(0), stuckAt(11));
  }

  @Test
  void of_ranks_that_speak_and_stand_still_the_least_advanced_are_stuck() {
    for (long second = 0; second <= 12; second++) {
      beacon(0, "training", 7, 75, second);
      beacon(1, "training", 7, 70, second);
      beacon(2, "training", 7, 75, second);
    }
    assertEquals(List.of(1), stuckAt(12));
    assertTrue(watch.stuck(12 * SECOND).get(0).line().startsWith("has not moved for 10 s"));
  }

  @Test
  void who_stands_still_while_another_gets_on_is_waiting() {
    for (long second = 0; second <= 12; second++) {
      beacon(0, "training", 7, 70, second);
      beacon(1, "training", 7, 70 + second, second);
    }
    assertEquals(List.of(), stuckAt(12));
  }

  @Test
  void standing_still_means_nothing_while_a_rank_reads_or_saves() {
    for (long second = 0; second <= 100; second++) {
      beacon(0, "reading samples", 0, 0, second);
      beacon(1, "reading samples", 0, 0, second);
    }
    assertEquals(List.of(), stuckAt(100));
  }

  @Test
  void ranks_that_all_wait_for_one_another_have_five_minutes() {
    for (long second = 0; second <= 301; second++) {
      beacon(0, RankContext.MEETING, 0, 0, second);
    }
    assertEquals(List.of(), stuckAt(300));
    assertEquals(List.of(0), stuckAt(301));
    assertEquals(
        "has not moved for 300 s (training.stall_timeout), after step 0, meeting the other ranks:"
            + " its executor is replaced",
        watch.stuck(301 * SECOND).get(0).line());
  }

  @Test
  void who_is_done_waits_for_one_that_saves_as_long_as_that_takes() {
    for (long second = 0; second <= 1000; second++) {
      beacon(0, "saving", 7, 70, second);
      beacon(1, RankWatch.DONE, 7, 70, second);
    }
    assertEquals(List.of(), stuckAt(1000));
    for (long second = 1001; second <= 1302; second++) {
      beacon(0, RankWatch.DONE, 7, 70, second);
      beacon(1, RankWatch.DONE, 7, 70, second);
    }
    assertEquals(List.of(), stuckAt(1301));
    assertEquals(List.of(0, 1), stuckAt(1302));
  }

  @Test
  void a_step_that_has_ended_is_a_move() {
    for (long second = 0; second <= 12; second++) {
      beacon(0, "training", second / 6, 70, second);
    }
    assertEquals(List.of(), stuckAt(12));
  }

  @Test
  void a_rank_that_has_ended_is_not_judged_even_if_a_late_word_of_it_comes() {
    watch.started(0, "host", "exec0", 100, 0);
    beacon(0, "training", 7, 70, 1);
    watch.ended(0);
    beacon(0, "training", 7, 70, 2);
    assertEquals(0, watch.running());
    assertEquals(List.of(), stuckAt(100));
  }

  @Test
  void a_rank_that_never_speaks_has_five_minutes_to_fetch_its_jars() {
    watch.started(0, "host", "exec0", 100, 0);
    watch.started(1, "host", "exec1", 101, 0);
    for (long second = 0; second <= 301; second++) {
      beacon(0, "meeting the other ranks", 0, 0, second);
    }
    assertEquals(List.of(), stuckAt(300));
    assertEquals(List.of(1), stuckAt(301));
    assertEquals("exec1", watch.stuck(301 * SECOND).get(0).last().executor());
  }

  @Test
  void a_first_word_after_long_is_no_standing_still() {
    watch.started(0, "host", "exec0", 100, 0);
    beacon(0, "training", 0, 0, 60);
    beacon(0, "training", 0, 0, 69);
    assertEquals(List.of(), stuckAt(69));
    beacon(0, "training", 0, 0, 71);
    assertEquals(List.of(0), stuckAt(71));
  }

  @Test
  void a_task_beside_the_stuck_ones_is_one_of_another_rank() {
    watch.started(0, "host", "exec0", 100, 0);
    watch.started(1, "host", "exec1", 101, 0);
    beacon(0, "training", 7, 70, 0);
    beacon(1, "training", 7, 70, 0);
    beacon(0, "training", 7, 71, 11);
    assertEquals(OptionalLong.of(100), watch.taskBeside(watch.stuck(11 * SECOND)));
    assertEquals(OptionalLong.empty(), watch.taskBeside(watch.stuck(30 * SECOND)));
  }

  @Test
  void a_new_attempt_begins_with_nothing() {
    watch.started(0, "host", "exec0", 100, 0);
    beacon(0, "training", 7, 70, 0);
    assertTrue(watch.anyHeard());
    watch.ended(0);
    watch.reset();
    assertFalse(watch.anyHeard());
    beacon(0, "starting", 0, 0, 20);
    assertEquals(1, watch.running());
    assertEquals(List.of(), stuckAt(21));
  }
}
