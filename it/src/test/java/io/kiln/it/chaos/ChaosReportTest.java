package io.kiln.it.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** What of given events a run of {@code bench chaos} is judged by. */
class ChaosReportTest {
  private static final long SECOND = 1_000_000_000;
  private static final Curve CURVE =
      new Curve(List.of(new Curve.Point(1, 2, 1), new Curve.Point(2, 1, 1)));

  private final List<RunStory.Event> events = new ArrayList<>();
  private final List<Kill> kills = new ArrayList<>();
  private long now = 1;
  private long step = 10;

  /** One that costs so much. */
  private void kill(Moment moment, boolean write, double seconds, long repeated) {
    events.add(new RunStory.Step(now, step));
    kills.add(new Kill(moment, OptionalInt.of(0), step, write, now + 1));
    events.add(new RunStory.Restart(now + 2, "an executor is gone"));
    now += (long) (seconds * SECOND) + 1;
    events.add(new RunStory.Step(now, step + 1 - repeated));
    now += SECOND;
    step += 10;
  }

  private ChaosReport report(Curve curve, boolean sameModel, List<String> left) {
    return new ChaosReport(kills, events, curve, CURVE, sameModel, left);
  }

  private List<String> faults(boolean redundant) {
    return report(CURVE, true, List.of()).faults(redundant);
  }

  @Test
  void a_median_of_15_seconds_is_good_and_more_is_not_whatever_the_worst_is() {
    kill(Moment.FORWARD, false, 1, 3);
    kill(Moment.FORWARD, false, 15, 3);
    kill(Moment.FORWARD, false, 100, 3);
    assertEquals(List.of(), faults(false));
    kill(Moment.FORWARD, false, 15.2, 3);
    assertEquals(List.of("a median of 15.1 s is more than 15 s"), faults(false));
  }

  @Test
  void with_redundancy_one_death_repeats_one_step_at_most() {
    kill(Moment.REDUCE, false, 1, 1);
    assertEquals(List.of(), faults(true));
    kill(Moment.REDUCE, false, 1, 2);
    assertEquals(List.of(), faults(false));
    assertEquals(
        List.of("2 steps repeated after one death are more than 1 with training.redundancy"),
        faults(true));
  }

  @Test
  void what_two_deaths_together_repeat_is_not_held_against_redundancy() {
    kill(Moment.REDUCE, false, 1, 9);
    kill(Moment.STARTING, false, 1, 9);
    assertEquals(List.of(), faults(true));
  }

  @Test
  void kills_that_were_aimed_at_writes_and_hit_none_show_nothing() {
    kill(Moment.CHECKPOINT, false, 1, 1);
    assertEquals(List.of("no kill hit the write of a checkpoint"), faults(false));
    kill(Moment.CHECKPOINT, true, 1, 1);
    assertEquals(List.of(), faults(false));
    ChaosReport report = report(CURVE, true, List.of());
    assertEquals(1, report.writesHit());
    assertTrue(
        report.lines().get(0).contains("1 hit the write of a checkpoint"),
        () -> report.lines().get(0));
  }

  @Test
  void another_curve_another_model_and_leftovers_are_faults() {
    kill(Moment.ANY, false, 1, 1);
    Curve other = new Curve(List.of(new Curve.Point(1, 2, 1), new Curve.Point(2, 1.5, 1)));
    Curve shorter = new Curve(List.of(new Curve.Point(1, 2, 1)));
    for (Curve wrong : List.of(other, shorter)) {
      assertEquals(1, report(wrong, true, List.of()).faults(false).size());
    }
    assertEquals(3, report(other, false, List.of("process 7")).faults(false).size());
  }
}
