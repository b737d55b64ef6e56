package io.kiln.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.it.chaos.ChaosReport;
import io.kiln.it.chaos.ChaosRun;
import io.kiln.it.chaos.CheckpointPlace;
import io.kiln.it.chaos.Moment;
import io.kiln.it.chaos.RunStory;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Executors die or freeze, and the run ends as if nothing had been. */
class ChaosTest {
  private static final int KILLS = 4;
  private static final int STALL_SECONDS = 8;
  private static final int RARE_CHECKPOINTS = 50;

  private static final int FIRST_CHECKPOINT = 90;

  /** The kill comes some steps after the first of them. */
  private static final int MIDDLE_SEED = 31;

  @TempDir static Path folder;
  private static ChaosRun chaos;

  @BeforeAll
  static void trainUndisturbed() throws Exception {
    chaos =
        new ChaosRun(
            KilnRun.ROOT,
            TinyJob.in(folder).file(),
            List.of(
                "training.checkpoint_interval=5",
                "training.eval_interval=50",
                "training.stall_timeout=" + STALL_SECONDS),
            150,
            1,
            folder,
            CheckpointPlace.in(folder));
    chaos.trainUndisturbed(System.out::println);
  }

  @Test
  void killed_executors_cost_a_few_steps_and_leave_nothing() throws Exception {
    ChaosReport report = chaos.trainKilled("killed", Moment.cycle(KILLS), System.out::println);
    report.lines().forEach(System.out::println);
    assertEquals(KILLS, report.kills());
    assertEquals(1, report.writesHit());
    assertUndisturbed(report);
  }

  @Test
  void with_redundancy_a_death_between_two_checkpoints_repeats_one_step_at_most() throws Exception {
    ChaosReport report =
        chaos
            .under(
                List.of(
                    "training.redundancy=1", "training.checkpoint_interval=" + RARE_CHECKPOINTS),
                MIDDLE_SEED,
                chaos.place())
            .trainKilled("redundant", List.of(Moment.REDUCE), System.out::println);
    report.lines().forEach(System.out::println);
    long killed = report.done().get(0).step();
    assertTrue(killed > RARE_CHECKPOINTS && killed < 2 * RARE_CHECKPOINTS, "killed at " + killed);
    RunStory.Resume resume = report.resumptions().get(0);
    assertEquals("the memory of the ranks", resume.where());
    assertTrue(resume.step() > RARE_CHECKPOINTS, resume.toString());
    assertTrue(report.repeatedAfterOne() <= 1, report.repeatedAfterOne() + " steps repeated");
    assertUndisturbed(report);
  }

  @Test
  void killed_in_the_first_checkpoint_of_all_on_s3_it_begins_again() throws Exception {
    try (S3Server s3 = S3Server.start(folder.resolve("s3"))) {
      CheckpointPlace place =
          new CheckpointPlace(
              s3.uri() + "/runs",
              s3.settings().entrySet().stream()
                  .map(setting -> "spark.hadoop." + setting.getKey() + "=" + setting.getValue())
                  .toList());
      ChaosReport report =
          chaos
              .under(
                  List.of("training.checkpoint_interval=" + FIRST_CHECKPOINT), MIDDLE_SEED, place)
              .trainKilled("on-s3", List.of(Moment.CHECKPOINT), System.out::println);
      report.lines().forEach(System.out::println);
      assertEquals(1, report.writesHit());
      // There is none yet: nothing to go on from.
      assertEquals(List.of(), report.resumptions());
      assertTrue(report.repeatedAfterOne() >= FIRST_CHECKPOINT, report.lines().get(1));
      assertUndisturbed(report);
    }
  }

  private static void assertUndisturbed(ChaosReport report) {
    assertEquals(0, report.differences());
    assertTrue(report.sameModel());
    assertEquals(List.of(), report.left());
  }

  @Test
  void a_frozen_executor_is_found_and_replaced_and_its_rank_named() throws Exception {
    ChaosReport report = chaos.trainFrozen("frozen", System.out::println);
    report.lines().forEach(System.out::println);
    // Spark may hear of the executor's end only after its peers have started again: they then miss
    // what it had shuffled, and start once more. Nothing else may have happened.
    assertTrue(
        report.causes().stream().skip(1).allMatch(cause -> cause.contains("FetchFailedException")),
        report.causes().toString());
    assertTrue(
        report
            .causes()
            .get(0)
            .matches(
                "rank "
                    + report.done().get(0).rank().orElseThrow()
                    + " on 127\\.0\\.0\\.1: has not been heard for "
                    + STALL_SECONDS
                    + " s \\(training\\.stall_timeout\\), after step \\d+, .*: its executor is replaced"),
        report.causes().get(0));
    assertUndisturbed(report);
  }
}
