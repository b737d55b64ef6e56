package io.kiln.spark.barrier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.engine.train.StepReport;
import io.kiln.engine.train.StepTimes;
import io.kiln.engine.train.recovery.CheckpointReport;
import io.kiln.spark.barrier.RankMessage.Fault;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntUnaryOperator;
import org.junit.jupiter.api.Test;

/** What becomes of a job of two ranks, at given times. */
class SupervisorTest {
  private static final int STALL = 10;
  private static final int GRACE = 20;

  /** With elasticity: 1, 2 or 4 ranks. */
  private static final IntUnaryOperator ELASTIC =
      slots -> slots >= 4 ? 4 : slots >= 2 ? 2 : slots >= 1 ? 1 : 2;

  private static final IntUnaryOperator FIXED = slots -> 2;

  private final FakeCluster cluster = new FakeCluster();
  private long second;

  private static final class FakeCluster implements Cluster {
    private final List<String> done = new ArrayList<>();
    private final Set<String> leaving = new HashSet<>();
    private int slots = 2;
    private boolean refuses;

    @Override
    public int slots() {
      return slots;
    }

    @Override
    public boolean isLeaving(String executor) {
      return leaving.contains(executor);
    }

    @Override
    public void replace(String executor) {
      if (refuses) {
        throw new IllegalStateException("the scheduler does not answer");
      }
      done.add("replace " + executor);
    }

    @Override
    public void endTask(long task, String why) {
      done.add("end task " + task);
    }

    @Override
    public void endJob(String why) {
      done.add("end job");
    }
  }

  private Supervisor supervisor(IntUnaryOperator fitting, int most) {
    return new Supervisor(
        cluster,
        2,
        new RestartPolicy(true, Duration.ofSeconds(STALL), Duration.ofSeconds(GRACE), fitting),
        new RestartBudget(most, Duration.ofHours(1)),
        () -> second * 1_000_000_000L);
  }

  private static void start(Supervisor supervisor, int attempt) {
    for (int rank = 0; rank < 2; rank++) {
      supervisor.started(rank, attempt, "host", "exec" + rank, 10L * attempt + rank);
    }
  }

  private static void lose(Supervisor supervisor, int attempt) {
    supervisor.ended(0, attempt);
    supervisor.ended(1, attempt);
  }

  private boolean speak(Supervisor supervisor, int attempt, int... ranks) {
    boolean save = false;
    for (int rank : ranks) {
      save |=
          supervisor.heard(
              new RankMessage.Progress(
                  rank, attempt, "host", "exec" + rank, "training", 0, second));
    }
    return save;
  }

  private static void step(Supervisor supervisor, int attempt, long step) {
    supervisor.heard(
        new RankMessage.Stepped(
            0,
            attempt,
            new StepReport(step, 1, 1, 1, 1, false, 1, new StepTimes(0, 0, 0, 0, 0, 0))));
  }

  private static void fail(Supervisor supervisor, int attempt, Fault fault, String line) {
    supervisor.heard(new RankMessage.Failed(1, attempt, "host", fault, line, ""));
  }

  /** Looks every second up to this one. */
  private void lookUntil(Supervisor supervisor, long last) {
    while (second < last) {
      second++;
      supervisor.look();
    }
  }

  private static String verdict(Supervisor supervisor) {
    return supervisor.verdict().map(Throwable::getMessage).orElse("none");
  }

  @Test
  void a_job_that_is_recalled_ends_with_the_reason_although_its_ranks_get_on() {
    AtomicReference<Optional<RuntimeException>> reason = new AtomicReference<>(Optional.empty());
    Supervisor supervisor =
        new Supervisor(
            cluster,
            2,
            new RestartPolicy(true, Duration.ofSeconds(STALL), Duration.ofSeconds(GRACE), FIXED)
                .recalledBy(reason::get),
            new RestartBudget(10, Duration.ofHours(1)),
            () -> second * 1_000_000_000L);
    start(supervisor, 0);
    speak(supervisor, 0, 0, 1);
    supervisor.look();
    assertEquals("none", verdict(supervisor));
    reason.set(Optional.of(new IllegalStateException("the folder is another's")));
    supervisor.look();
    assertEquals("the folder is another's", verdict(supervisor));
    assertTrue(cluster.done.contains("end job"), cluster.done::toString);
    assertFalse(supervisor.mayStartAgain());
  }

  @Test
  void a_frozen_rank_loses_its_executor_once_and_its_peer_is_not_left_waiting() {
    Supervisor supervisor = supervisor(FIXED, 10);
    start(supervisor, 0);
    speak(supervisor, 0, 0, 1);
    for (int i = 0; i < 20; i++) {
      lookUntil(supervisor, second + 1);
      speak(supervisor, 0, 0);
    }
    // Spark is given the time to hear of its end.
    assertEquals(List.of("replace exec1"), cluster.done);
    for (int i = 0; i < 15; i++) {
      lookUntil(supervisor, second + 1);
      speak(supervisor, 0, 0);
    }
    assertEquals(List.of("replace exec1", "end task 0"), cluster.done);
    assertEquals("none", verdict(supervisor));
    assertTrue(
        RankFailedException.line(supervisor.lastFailure().orElseThrow())
            .startsWith("rank 1 on host: has not been heard for 10 s"));
  }

  @Test
  void ranks_that_are_all_frozen_are_all_replaced() {
    Supervisor supervisor = supervisor(FIXED, 10);
    start(supervisor, 0);
    speak(supervisor, 0, 0, 1);
    lookUntil(supervisor, 30);
    assertEquals(List.of("replace exec0", "replace exec1"), cluster.done);
  }

  @Test
  void between_two_attempts_nobody_is_taken_for_frozen() {
    Supervisor supervisor = supervisor(FIXED, 10);
    start(supervisor, 0);
    speak(supervisor, 0, 0, 1);
    lose(supervisor, 0);
    // Slots are there, the scheduler takes its time.
    lookUntil(supervisor, 100);
    assertEquals(List.of(), cluster.done);
  }

  @Test
  void what_an_executor_holds_that_spark_takes_away_is_saved_once() {
    Supervisor supervisor = supervisor(FIXED, 10);
    start(supervisor, 0);
    assertFalse(speak(supervisor, 0, 0, 1));
    cluster.leaving.add("exec7"); // not one of ours
    supervisor.look();
    assertFalse(speak(supervisor, 0, 0, 1));
    cluster.leaving.add("exec1");
    supervisor.look();
    assertTrue(speak(supervisor, 0, 0, 1));
    supervisor.look();
    assertFalse(speak(supervisor, 0, 0, 1));
    assertEquals(List.of(), cluster.done);
  }

  @Test
  void in_local_mode_a_hanging_rank_ends_the_job() {
    Supervisor supervisor = supervisor(FIXED, 10);
    supervisor.started(0, 0, "host", "driver", 0);
    supervisor.heard(new RankMessage.Progress(0, 0, "host", "driver", "training", 3, 1));
    lookUntil(supervisor, 11);
    assertTrue(
        verdict(supervisor).startsWith("rank 0 on host: has not been heard"), verdict(supervisor));
    assertEquals(List.of("end job"), cluster.done);
  }

  @Test
  void missing_slots_are_waited_for_then_fewer_ranks_go_on() {
    Supervisor supervisor = supervisor(ELASTIC, 10);
    start(supervisor, 0);
    speak(supervisor, 0, 0, 1);
    lose(supervisor, 0);
    cluster.slots = 1;
    lookUntil(supervisor, 15);
    assertEquals("none", verdict(supervisor));
    lookUntil(supervisor, 16);
    assertEquals("only 1 of 2 slots are left for the ranks", verdict(supervisor));
    assertEquals(
        1,
        assertInstanceOf(SlotsChangedException.class, supervisor.verdict().orElseThrow()).ranks());
    assertEquals(List.of("end job"), cluster.done);
  }

  @Test
  void an_executor_that_is_replaced_in_time_changes_nothing() {
    Supervisor supervisor = supervisor(ELASTIC, 10);
    start(supervisor, 0);
    speak(supervisor, 0, 0, 1);
    lose(supervisor, 0);
    cluster.slots = 1;
    lookUntil(supervisor, 12);
    cluster.slots = 2;
    lookUntil(supervisor, 20);
    cluster.slots = 1;
    lookUntil(supervisor, 32);
    assertEquals("none", verdict(supervisor));
  }

  @Test
  void slots_that_go_before_any_rank_ran_are_missed_too() {
    Supervisor supervisor = supervisor(ELASTIC, 10);
    cluster.slots = 1;
    lookUntil(supervisor, 16);
    assertInstanceOf(SlotsChangedException.class, supervisor.verdict().orElseThrow());
  }

  @Test
  void where_no_other_number_can_be_slots_are_waited_for_longer_but_not_for_ever() {
    Supervisor supervisor = supervisor(FIXED, 10);
    start(supervisor, 0);
    speak(supervisor, 0, 0, 1);
    lose(supervisor, 0);
    cluster.slots = 1;
    lookUntil(supervisor, 300);
    assertEquals("none", verdict(supervisor));
    lookUntil(supervisor, 301);
    assertEquals(
        "only 1 of 2 slots are left for the ranks, for 300 s: start it again when more are there",
        verdict(supervisor));
    assertFalse(supervisor.verdict().orElseThrow() instanceof SlotsChangedException);
  }

  @Test
  void room_for_more_ranks_is_taken_after_a_new_start_when_its_steps_are_saved() {
    Supervisor supervisor = supervisor(ELASTIC, 10);
    start(supervisor, 0);
    speak(supervisor, 0, 0, 1);
    step(supervisor, 0, 40);
    cluster.slots = 4;
    lookUntil(supervisor, 5);
    assertEquals("none", verdict(supervisor), "not without a new start");

    lose(supervisor, 0);
    cluster.slots = 3;
    start(supervisor, 1);
    speak(supervisor, 1, 0, 1);
    step(supervisor, 1, 41);
    lookUntil(supervisor, 8);
    assertFalse(speak(supervisor, 1, 0, 1));
    cluster.slots = 4; // The replacement comes some seconds later.
    lookUntil(supervisor, 9);
    assertFalse(speak(supervisor, 1, 1), "rank 0 is the one who saves");
    assertTrue(speak(supervisor, 1, 0));
    lookUntil(supervisor, 12);
    speak(supervisor, 1, 0, 1);
    assertEquals("none", verdict(supervisor));
    supervisor.heard(new RankMessage.Checkpointed(0, 1, new CheckpointReport(41, 1, 1, 1)));
    assertEquals("none", verdict(supervisor), "41 was taken before");
    supervisor.heard(new RankMessage.Checkpointed(0, 1, new CheckpointReport(43, 1, 1, 1)));
    assertEquals("there are slots for 4 ranks", verdict(supervisor));
    assertEquals(
        4,
        assertInstanceOf(SlotsChangedException.class, supervisor.verdict().orElseThrow()).ranks());
  }

  @Test
  void room_is_not_waited_for_longer_than_a_save_may_take() {
    Supervisor supervisor = supervisor(ELASTIC, 10);
    start(supervisor, 1);
    speak(supervisor, 1, 0, 1);
    cluster.slots = 4;
    for (int i = 0; i < GRACE + 1; i++) {
      lookUntil(supervisor, second + 1);
      speak(supervisor, 1, 0, 1);
    }
    assertEquals("none", verdict(supervisor));
    lookUntil(supervisor, second + 1);
    assertInstanceOf(SlotsChangedException.class, supervisor.verdict().orElseThrow());
  }

  @Test
  void room_that_comes_long_after_a_new_start_waits_for_the_next_one() {
    Supervisor supervisor = supervisor(ELASTIC, 10);
    start(supervisor, 1);
    speak(supervisor, 1, 0, 1);
    for (int i = 0; i < 15; i++) {
      lookUntil(supervisor, second + 1);
      speak(supervisor, 1, 0, 1);
    }
    cluster.slots = 4;
    for (int i = 0; i < 60; i++) {
      lookUntil(supervisor, second + 1);
      speak(supervisor, 1, 0, 1);
    }
    assertEquals("none", verdict(supervisor));
  }

  @Test
  void new_starts_are_counted_and_the_last_cause_is_told() {
    Supervisor supervisor = supervisor(FIXED, 2);
    start(supervisor, 0);
    fail(supervisor, 0, Fault.OWN, "the disk is full");
    start(supervisor, 1);
    start(supervisor, 2);
    fail(supervisor, 2, Fault.OWN, "the disk is gone");
    assertEquals("none", verdict(supervisor));
    start(supervisor, 3);
    assertEquals(
        "2 new starts within 60 min are used up (training.max_restarts); the last one:"
            + " rank 1 on host: the disk is gone",
        verdict(supervisor));
  }

  @Test
  void an_end_for_which_no_rank_had_words_is_not_told_with_an_earlier_ones() {
    Supervisor supervisor = supervisor(FIXED, 1);
    start(supervisor, 0);
    fail(supervisor, 0, Fault.PEER, "the process of rank 1 (pid 1) is gone");
    start(supervisor, 1);
    assertEquals(Optional.empty(), lastLine(supervisor));
    assertEquals("rank 1 on host: the process of rank 1 (pid 1) is gone", supervisor.causeOf(1));
    start(supervisor, 2);
    assertEquals("an executor was lost", supervisor.causeOf(2));
    assertEquals(
        "1 new starts within 60 min are used up (training.max_restarts); the last one:"
            + " an executor was lost",
        verdict(supervisor));
  }

  @Test
  void words_that_come_after_the_next_start_belong_to_the_attempt_that_spoke_them() {
    Supervisor supervisor = supervisor(FIXED, 10);
    start(supervisor, 0);
    start(supervisor, 1);
    fail(supervisor, 0, Fault.PEER, "rank 0 is gone");
    assertEquals(Optional.empty(), lastLine(supervisor));
    assertEquals("rank 1 on host: rank 0 is gone", supervisor.causeOf(1));
  }

  @Test
  void another_number_of_ranks_is_a_new_start_too() {
    RestartBudget budget = new RestartBudget(1, Duration.ofHours(1));
    for (int job = 0; job < 2; job++) {
      cluster.slots = 1;
      Supervisor supervisor =
          new Supervisor(
              cluster,
              2,
              new RestartPolicy(true, Duration.ofSeconds(STALL), Duration.ZERO, ELASTIC),
              budget,
              () -> second * 1_000_000_000L);
      lookUntil(supervisor, second + 16);
      assertEquals(
          job == 0
              ? "only 1 of 2 slots are left for the ranks"
              : "1 new starts within 60 min are used up (training.max_restarts); the last one: only"
                  + " 1 of 2 slots are left for the ranks",
          verdict(supervisor));
    }
  }

  @Test
  void an_error_that_comes_again_at_the_same_step_ends_the_job_with_it() {
    Supervisor supervisor = supervisor(FIXED, 10);
    for (int attempt = 0; attempt < 3; attempt++) {
      assertEquals("none", verdict(supervisor));
      start(supervisor, attempt);
      step(supervisor, attempt, 7);
      fail(supervisor, attempt, Fault.OWN, "the disk is full");
    }
    assertEquals("rank 1 on host: the disk is full", verdict(supervisor));
  }

  @Test
  void errors_at_ever_later_steps_do_not() {
    Supervisor supervisor = supervisor(FIXED, 100);
    for (int attempt = 0; attempt < 20; attempt++) {
      start(supervisor, attempt);
      step(supervisor, attempt, attempt);
      fail(supervisor, attempt, Fault.OWN, "the disk is full");
    }
    assertEquals("none", verdict(supervisor));
  }

  @Test
  void input_that_cannot_be_used_ends_the_job_at_once() {
    Supervisor supervisor = supervisor(FIXED, 10);
    start(supervisor, 0);
    fail(supervisor, 0, Fault.INPUT, "row 7 is null");
    assertEquals("row 7 is null", verdict(supervisor));
  }

  @Test
  void an_error_that_no_new_start_mends_ends_the_job_at_once_with_the_ranks_name() {
    Supervisor supervisor = supervisor(FIXED, 10);
    start(supervisor, 0);
    step(supervisor, 0, 7);
    fail(supervisor, 0, Fault.FINAL, "3 checkpoints in a row could not be written");
    assertEquals(
        "rank 1 on host: 3 checkpoints in a row could not be written", verdict(supervisor));
    assertFalse(supervisor.mayStartAgain());
  }

  @Test
  void an_executor_that_could_not_be_replaced_is_replaced_at_the_next_look() {
    Supervisor supervisor = supervisor(FIXED, 10);
    start(supervisor, 0);
    speak(supervisor, 0, 0, 1);
    second = 11;
    speak(supervisor, 0, 0);
    cluster.refuses = true;
    assertThrows(IllegalStateException.class, supervisor::look);
    cluster.refuses = false;
    supervisor.look();
    assertEquals(List.of("replace exec1"), cluster.done);
  }

  @Test
  void a_lost_peer_is_believed_only_until_it_speaks_for_itself() {
    Supervisor supervisor = supervisor(FIXED, 10);
    start(supervisor, 0);
    fail(supervisor, 0, Fault.PEER, "rank 0 is gone");
    assertEquals(Optional.of("rank 0 is gone"), lastLine(supervisor));
    fail(supervisor, 0, Fault.OWN, "the cause");
    fail(supervisor, 0, Fault.PEER, "rank 0 is gone");
    assertEquals(Optional.of("the cause"), lastLine(supervisor));
  }

  private static Optional<String> lastLine(Supervisor supervisor) {
    return supervisor.lastFailure().map(RankMessage.Failed::line);
  }

  @Test
  void an_ended_job_is_ended_again_in_case_it_was_between_two() {
    Supervisor supervisor = supervisor(FIXED, 10);
    start(supervisor, 0);
    fail(supervisor, 0, Fault.INPUT, "row 7 is null");
    lookUntil(supervisor, 1);
    assertEquals(List.of("end job", "end job"), cluster.done);
    assertFalse(supervisor.mayStartAgain());
  }

  @Test
  void what_an_earlier_attempt_says_late_is_not_heard() {
    Supervisor supervisor = supervisor(FIXED, 10);
    start(supervisor, 0);
    lose(supervisor, 0);
    start(supervisor, 1);
    speak(supervisor, 1, 0, 1);
    supervisor.ended(1, 0);
    lookUntil(supervisor, 8);
    speak(supervisor, 1, 0);
    speak(supervisor, 0, 1);
    lookUntil(supervisor, 11);
    assertEquals(List.of("replace exec1"), cluster.done);
    lookUntil(supervisor, 30);
    assertEquals(List.of("replace exec1", "end task 10"), cluster.done);
  }

  @Test
  void a_driver_that_has_to_end_waits_for_a_checkpoint_of_all_that_was_trained() throws Exception {
    Supervisor supervisor = supervisor(FIXED, 10);
    start(supervisor, 0);
    speak(supervisor, 0, 0, 1);
    step(supervisor, 0, 7);
    Thread ends = new Thread(supervisor::save);
    ends.start();
    while (!speak(supervisor, 0, 0)) {
      Thread.sleep(1);
    }
    supervisor.heard(new RankMessage.Checkpointed(0, 0, new CheckpointReport(6, 1, 1, 1)));
    ends.join(200);
    assertTrue(ends.isAlive());
    supervisor.heard(new RankMessage.Checkpointed(0, 0, new CheckpointReport(8, 1, 1, 1)));
    ends.join(10_000);
    assertFalse(ends.isAlive());
  }

  @Test
  void a_driver_that_has_to_end_waits_no_longer_than_there_are_ranks() throws Exception {
    Supervisor supervisor = supervisor(FIXED, 10);
    start(supervisor, 0);
    speak(supervisor, 0, 0, 1);
    Thread ends = new Thread(supervisor::save);
    ends.start();
    while (!speak(supervisor, 0, 0)) {
      Thread.sleep(1);
    }
    lose(supervisor, 0);
    ends.join(10_000);
    assertFalse(ends.isAlive());
  }

  private static boolean done(Supervisor supervisor, int attempt, int rank) {
    return supervisor.heard(new RankMessage.Done(rank, attempt));
  }

  @Test
  void a_rank_that_is_done_is_let_go_when_all_ranks_of_its_attempt_are() {
    Supervisor supervisor = supervisor(FIXED, 10);
    start(supervisor, 0);
    assertFalse(done(supervisor, 0, 1));
    assertFalse(done(supervisor, 0, 1));
    start(supervisor, 1);
    assertFalse(done(supervisor, 1, 0), "rank 1 was done in another attempt");
    assertFalse(done(supervisor, 0, 1));
    assertTrue(done(supervisor, 1, 1));
    assertTrue(done(supervisor, 1, 0));
  }

  @Test
  void an_attempt_without_all_ranks_is_no_new_start_and_the_next_one_has_the_first_cause() {
    Supervisor supervisor = supervisor(FIXED, 1);
    supervisor.submitted(0, 2);
    start(supervisor, 0);
    fail(supervisor, 0, Fault.OWN, "the disk is full");
    lose(supervisor, 0);
    supervisor.submitted(1, 1);
    supervisor.started(1, 1, "host", "exec1", 11);
    supervisor.ended(1, 1);
    supervisor.submitted(2, 2);
    start(supervisor, 2);
    assertEquals("none", verdict(supervisor));
    assertEquals("rank 1 on host: the disk is full", supervisor.causeOf(2));
    supervisor.submitted(3, 2);
    start(supervisor, 3);
    assertTrue(verdict(supervisor).startsWith("1 new starts within"), verdict(supervisor));
  }

  @Test
  void an_attempt_that_needs_no_rank_is_not_one_without_all_of_them() {
    Supervisor supervisor = supervisor(FIXED, 1);
    fail(supervisor, 0, Fault.OWN, "the disk is full");
    supervisor.submitted(1, 0);
    assertEquals("an executor was lost", supervisor.causeOf(2));
  }
}
