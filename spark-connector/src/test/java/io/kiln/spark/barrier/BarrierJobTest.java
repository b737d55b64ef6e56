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
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerStageCompleted;
import org.apache.spark.util.AccumulatorV2;
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

  /** Adds why ranks are started again, without the host. */
  private static RunListener causesTo(List<String> causes) {
    return new RunListener() {
      @Override
      public void onRestart(int attempt, String cause) {
        causes.add(cause.replaceAll(" on \\S+:", ":"));
      }
    };
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
                        causesTo(causes),
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

  /** A rank's end that reaches the driver when another one's failure has been dealt with. */
  private static final class LateEnd extends AccumulatorV2<Boolean, Boolean> {
    private static final long serialVersionUID = 1L;
    private static final Semaphore UNDER_WAY = new Semaphore(0);
    private static final Semaphore DEALT_WITH = new Semaphore(0);

    private boolean said;

    static void forget() {
      UNDER_WAY.drainPermits();
      DEALT_WITH.drainPermits();
    }

    /** With the result of the task that has said so, before Spark looks at it. */
    private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
      in.defaultReadObject();
      if (said) {
        UNDER_WAY.release();
        within(5, DEALT_WITH);
      }
    }

    static boolean within(long seconds, Semaphore sign) {
      try {
        return sign.tryAcquire(seconds, TimeUnit.SECONDS);
      } catch (InterruptedException ended) {
        Thread.currentThread().interrupt();
        return false;
      }
    }

    @Override
    public boolean isZero() {
      return !said;
    }

    @Override
    public AccumulatorV2<Boolean, Boolean> copy() {
      LateEnd copy = new LateEnd();
      copy.said = said;
      return copy;
    }

    @Override
    public void reset() {
      said = false;
    }

    @Override
    public void add(Boolean value) {
      said |= value;
    }

    @Override
    public void merge(AccumulatorV2<Boolean, Boolean> other) {
      said |= other.value();
    }

    @Override
    public Boolean value() {
      return said;
    }
  }

  private static LateEnd lateEnd() {
    LateEnd.forget();
    LateEnd end = new LateEnd();
    spark.sc().register(end);
    return end;
  }

  private static <T> T whereAnEndIsLate(Supplier<T> job) {
    SparkListener failures =
        new SparkListener() {
          @Override
          public void onStageCompleted(SparkListenerStageCompleted event) {
            if (event.stageInfo().failureReason().isDefined()) {
              LateEnd.DEALT_WITH.release();
            }
          }
        };
    spark.sc().addSparkListener(failures);
    try {
      return assertTimeoutPreemptively(BOUND, job::get);
    } finally {
      spark.sc().removeSparkListener(failures);
    }
  }

  @Test
  void a_rank_that_fails_when_the_others_have_done_their_work_is_told_each_time() {
    LateEnd end = lateEnd();
    List<String> causes = new ArrayList<>();
    RankFailedException failure =
        whereAnEndIsLate(
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
                                LateEnd.within(1, LateEnd.UNDER_WAY);
                                throw new IllegalStateException("trouble " + context.attempt());
                              }
                              end.add(true);
                              return "";
                            },
                            causesTo(causes),
                            GOES_ON,
                            new RestartBudget(10, Duration.ofHours(1)))));
    assertEquals(List.of("rank 0: trouble 0", "rank 0: trouble 1"), causes);
    assertTrue(failure.getMessage().endsWith(": trouble 2"), failure.getMessage());
  }

  /** Rank 0's cannot be written the first time, when the other rank has ended. */
  private static final class Result implements Serializable {
    private static final long serialVersionUID = 1L;
    private final int rank;
    private final int attempt;

    Result(int rank, int attempt) {
      this.rank = rank;
      this.attempt = attempt;
    }

    private void writeObject(ObjectOutputStream out) throws IOException {
      if (rank == 0 && attempt == 0) {
        LateEnd.within(5, LateEnd.UNDER_WAY);
        throw new IOException("the local disk is full");
      }
      out.defaultWriteObject();
    }
  }

  @Test
  void a_rank_that_is_started_without_the_others_does_not_wait_for_them() {
    LateEnd end = lateEnd();
    List<Integer> attempts =
        whereAnEndIsLate(
                () ->
                    BarrierJob.run(
                        spark,
                        twoRanks(),
                        (context, partition) -> {
                          context.allGather("");
                          if (context.rank() == 1 && context.attempt() == 0) {
                            end.add(true);
                          }
                          return new Result(context.rank(), context.attempt());
                        },
                        DEAF))
            .stream()
            .map(result -> result.attempt)
            .toList();
    assertTrue(attempts.get(0) > 0, attempts::toString);
    assertEquals(attempts.get(0), attempts.get(1));
  }
}
