package io.kiln.spark.barrier;

import java.io.Serializable;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import org.apache.spark.HashPartitioner;
import org.apache.spark.SparkEnv;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.util.ShutdownHookManager;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Tuple2;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;
import scala.runtime.BoxedUnit;

/**
 * Runs a body on every rank at once: one barrier stage, a task a rank.
 *
 * <p>The barrier stage is a shuffle-map stage, with one more tiny stage behind it: Spark never
 * retries a barrier stage that ends a job, but it does retry this one, on replacement executors.
 * Whether a failure is answered so or ends the job is the {@link RestartPolicy}'s to say.
 */
public final class BarrierJob {
  private static final Logger LOG = LoggerFactory.getLogger("io.kiln.spark");
  private static final long LOOK_MILLIS = 500;
  private static final int NEW_STARTS = 10;

  /**
   * Before Spark's own shutdown hooks end the session (50) and, in a local cluster, whose workers
   * share this JVM, the executors (100).
   */
  private static final int BEFORE_SPARK = 200;

  /** What Spark says when it does not start a stage again; its own limits, not Kiln's. */
  private static final List<String> SPARK_GAVE_UP =
      List.of("the maximum allowable number of times", "requires more slots");

  private BarrierJob() {}

  /** The same with lost executors replaced and errors ending the job. */
  public static <T, R extends Serializable> List<R> run(
      JavaSparkContext spark, JavaRDD<T> perRank, RankBody<T, R> body, RunListener listener) {
    return run(
        spark,
        perRank,
        body,
        listener,
        RestartPolicy.lostExecutorsOnly(perRank.getNumPartitions()),
        new RestartBudget(NEW_STARTS, Duration.ofHours(1)));
  }

  /**
   * Runs and waits.
   *
   * @param perRank partition r holds the data of rank r
   * @param budget of new starts
   * @return what the ranks gave, in rank order
   * @throws SlotsChangedException if the cluster has room for another number of ranks
   * @throws RankFailedException with the first cause, if a rank failed
   */
  public static <T, R extends Serializable> List<R> run(
      JavaSparkContext spark,
      JavaRDD<T> perRank,
      RankBody<T, R> body,
      RunListener listener,
      RestartPolicy policy,
      RestartBudget budget) {
    String name = "kiln-" + UUID.randomUUID();
    Supervisor supervisor =
        new Supervisor(
            new SparkCluster(spark.sc(), name),
            perRank.getNumPartitions(),
            policy,
            budget,
            System::nanoTime);
    TaskWatch tasks = new TaskWatch(name, supervisor);
    RunView view = new RunView(Listeners.of(listener), supervisor::causeOf);
    ExecutorService events = Executors.newSingleThreadExecutor(daemon("kiln-events"));
    ScheduledExecutorService looks =
        Executors.newSingleThreadScheduledExecutor(daemon("kiln-supervisor"));
    Object hook =
        ShutdownHookManager.addShutdownHook(
            BEFORE_SPARK,
            () -> {
              supervisor.save();
              return BoxedUnit.UNIT;
            });
    try (DriverEndpoint endpoint =
        new DriverEndpoint(
            SparkEnv.get().rpcEnv(),
            name,
            message -> {
              boolean save = supervisor.heard(message);
              if (!(message instanceof RankMessage.Failed)) {
                events.execute(() -> view.accept(message));
              }
              return save;
            })) {
      spark.sc().addSparkListener(tasks);
      spark.addJobTag(name);
      spark.setInterruptOnCancel(true);
      looks.scheduleWithFixedDelay(
          new Recurring("looking after the ranks", supervisor::look, LOG::warn),
          LOOK_MILLIS,
          LOOK_MILLIS,
          TimeUnit.MILLISECONDS);
      List<R> results = collect(perRank, name, body, supervisor);
      drain(events);
      return results;
    } catch (Exception failure) {
      drain(events);
      throw firstCause(supervisor, failure);
    } finally {
      ShutdownHookManager.removeShutdownHook(hook);
      spark.sc().removeSparkListener(tasks);
      looks.shutdownNow();
      events.shutdownNow();
      spark.removeJobTag(name);
      spark.setInterruptOnCancel(false);
    }
  }

  private static ThreadFactory daemon(String name) {
    return task -> {
      Thread thread = new Thread(task, name);
      thread.setDaemon(true);
      return thread;
    };
  }

  /** Until it is done: a session of somebody else's may allow a stage four attempts only. */
  private static <T, R extends Serializable> List<R> collect(
      JavaRDD<T> perRank, String name, RankBody<T, R> body, Supervisor supervisor)
      throws Exception {
    int earlier = 0;
    while (true) {
      try {
        return collect(perRank, new RankTask<>(name, earlier, body));
      } catch (Exception failure) {
        String line = OneLine.of(failure);
        if (!supervisor.mayStartAgain() || SPARK_GAVE_UP.stream().noneMatch(line::contains)) {
          throw failure;
        }
        earlier = supervisor.startAgain();
      }
    }
  }

  private static <T, R extends Serializable> List<R> collect(
      JavaRDD<T> perRank, RankTask<T, R> task) {
    ClassTag<Tuple2<Integer, R>> pair = ClassTag$.MODULE$.apply(Tuple2.class);
    RDD<Tuple2<Integer, R>> stage = perRank.rdd().barrier().mapPartitions(task, false, pair);
    return JavaPairRDD.fromJavaRDD(new JavaRDD<>(stage, pair))
        .partitionBy(new HashPartitioner(1))
        .collect()
        .stream()
        .sorted(Comparator.comparing(Tuple2::_1))
        .map(Tuple2::_2)
        .toList();
  }

  /** What was said before the end is heard before the end. */
  private static void drain(ExecutorService events) {
    events.shutdown();
    try {
      events.awaitTermination(10, TimeUnit.SECONDS);
    } catch (InterruptedException hurried) {
      Thread.currentThread().interrupt();
    }
  }

  private static RuntimeException firstCause(Supervisor supervisor, Exception failure) {
    if (supervisor.verdict().isPresent()) {
      return supervisor.verdict().get();
    }
    if (!(failure instanceof SparkException) && failure instanceof RuntimeException ours) {
      return ours;
    }
    return supervisor
        .lastFailure()
        .map(RankFailedException::new)
        .orElseGet(() -> new RankFailedException(OneLine.of(failure), failure));
  }
}
