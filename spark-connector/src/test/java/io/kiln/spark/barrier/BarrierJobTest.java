package io.kiln.spark.barrier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.engine.checkpoint.CheckpointException;
import io.kiln.engine.comm.CommunicationException;
import io.kiln.engine.train.StepReport;
import io.kiln.engine.train.StepTimes;
import io.kiln.engine.train.recovery.CheckpointsFailedException;
import java.io.Serializable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class BarrierJobTest {
  private static final RunListener DEAF = new RunListener() {};
  private static final Duration BOUND = Duration.ofSeconds(60);

  private static JavaSparkContext spark;

  @BeforeAll
  static void start() {
    spark =
        new JavaSparkContext(
            new SparkConf()
                .setMaster("local[2]")
                .setAppName("barrier")
                .set("spark.ui.enabled", "false")
                .set("spark.driver.host", "127.0.0.1"));
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static JavaRDD<Integer> twoRanks() {
    return spark.parallelize(List.of(10, 20, 30, 40), 2);
  }

  @Test
  void ranks_run_together_on_their_own_partition_and_know_each_other() {
    List<String> results =
        BarrierJob.run(
            spark,
            twoRanks(),
            (context, partition) -> {
              int sum = 0;
              while (partition.hasNext()) {
                sum += partition.next();
              }
              return context.rank()
                  + "/"
                  + context.size()
                  + " "
                  + sum
                  + " "
                  + context.allGather("rank" + context.rank());
            },
            DEAF);
    assertEquals(List.of("0/2 30 [rank0, rank1]", "1/2 70 [rank0, rank1]"), results);
  }

  @Test
  void steps_reach_the_driver_in_order_while_the_job_runs() {
    List<Long> heard = new ArrayList<>();
    BarrierJob.run(
        spark,
        twoRanks(),
        (context, partition) -> {
          for (long step = 1; context.rank() == 0 && step <= 100; step++) {
            context.stepped(
                new StepReport(
                    step,
                    1.5,
                    1e-3,
                    Double.POSITIVE_INFINITY,
                    1,
                    true,
                    8,
                    new StepTimes(0.1, 1, 0.5, 0.2, 0.2, 0.3)));
          }
          return "";
        },
        new RunListener() {
          @Override
          public void onStep(StepReport report) {
            assertEquals(Double.POSITIVE_INFINITY, report.gradientNorm());
            heard.add(report.step());
          }
        });
    assertEquals(100, heard.size());
    assertEquals(heard.stream().sorted().toList(), heard);
  }

  @Test
  void a_failing_rank_ends_the_others_and_its_own_error_is_told() {
    RankFailedException failure =
        assertTimeoutPreemptively(
            BOUND,
            () ->
                assertThrows(
                    RankFailedException.class,
                    () ->
                        BarrierJob.run(
                            spark,
                            twoRanks(),
                            (context, partition) -> {
                              if (context.rank() == 1) {
                                throw new IllegalStateException("the disk of rank 1 is full\nmore");
                              }
                              while (true) {
                                Thread.sleep(50);
                                context.endIfAsked();
                              }
                            },
                            DEAF)));
    assertTrue(
        failure.getMessage().matches("rank 1 on \\S+: the disk of rank 1 is full"),
        failure.getMessage());
    assertFalse(failure.inputAtFault());
    assertTrue(failure.rankStackTrace().contains("BarrierJobTest"));
  }

  @Test
  void a_rank_that_lost_its_peer_does_not_hide_the_peers_own_error() {
    RankFailedException failure =
        assertThrows(
            RankFailedException.class,
            () ->
                BarrierJob.run(
                    spark,
                    twoRanks(),
                    (context, partition) -> {
                      if (context.rank() == 0) {
                        throw new CommunicationException("rank 1 is gone");
                      }
                      Thread.sleep(300);
                      throw new IllegalStateException("the cause");
                    },
                    DEAF));
    assertTrue(failure.getMessage().endsWith("the cause"), failure.getMessage());
  }

  @Test
  void ranks_start_again_after_a_lost_peer() {
    List<Integer> restarts = new ArrayList<>();
    List<Integer> attempts =
        BarrierJob.run(
            spark,
            twoRanks(),
            (context, partition) -> {
              if (context.attempt() == 0) {
                throw new CommunicationException("rank " + (1 - context.rank()) + " is gone");
              }
              context.remark("again");
              return context.attempt();
            },
            new RunListener() {
              @Override
              public void onRestart(int attempt, String cause) {
                restarts.add(attempt);
              }
            });
    assertEquals(List.of(1, 1), attempts);
    assertEquals(List.of(1), restarts);
  }

  private static final RestartPolicy GOES_ON =
      new RestartPolicy(true, Duration.ofSeconds(60), Duration.ZERO, slots -> 2);

  private interface Trouble extends Serializable {
    RuntimeException in(int attempt);
  }

  private static RankFailedException failing(List<String> causes, Trouble trouble) {
    return assertTimeoutPreemptively(
        BOUND,
        () ->
            assertThrows(
                RankFailedException.class,
                () ->
                    BarrierJob.run(
                        spark,
                        twoRanks(),
                        (context, partition) -> {
                          context.remark("attempt " + context.attempt());
                          context.allGather("");
                          if (context.rank() == 0) {
                            throw trouble.in(context.attempt());
                          }
                          while (true) {
                            Thread.sleep(50);
                            context.endIfAsked();
                          }
                        },
                        new RunListener() {
                          @Override
                          public void onRestart(int attempt, String cause) {
                            causes.add(cause.replaceAll(" on \\S+:", ":"));
                          }
                        },
                        GOES_ON,
                        new RestartBudget(10, Duration.ofHours(1)))));
  }

  @Test
  void checkpoints_that_cannot_be_written_end_a_job_whose_other_errors_are_answered() {
    List<String> causes = new ArrayList<>();
    RankFailedException failure =
        failing(
            causes,
            attempt ->
                attempt == 0
                    ? new IllegalStateException("a moment's trouble")
                    : new CheckpointsFailedException(
                        new CheckpointException("there", "3 checkpoints in a row")));
    assertEquals(List.of("rank 0: a moment's trouble"), causes);
    assertTrue(
        failure.getMessage().matches("rank 0 on \\S+: there: 3 checkpoints in a row"),
        failure.getMessage());
  }

  @Test
  void each_new_start_is_told_with_its_own_cause() {
    List<String> causes = new ArrayList<>();
    RankFailedException failure =
        failing(causes, attempt -> new IllegalStateException("trouble " + attempt));
    assertEquals(List.of("rank 0: trouble 0", "rank 0: trouble 1"), causes);
    assertTrue(failure.getMessage().endsWith(": trouble 2"), failure.getMessage());
  }
}
