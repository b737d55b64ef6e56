package io.kiln.spark.barrier;

import java.io.Serializable;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.spark.HashPartitioner;
import org.apache.spark.SparkEnv;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.rdd.RDD;
import scala.Tuple2;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/**
 * Runs a body on every rank at once: one barrier stage, a task a rank.
 *
 * <p>The barrier stage is a shuffle-map stage, with one more tiny stage behind it: Spark never
 * retries a barrier stage that ends a job, but it does retry this one, on replacement executors,
 * when an executor is lost. An error of a rank's own would only come again: it ends the job at
 * once.
 */
public final class BarrierJob {
  private BarrierJob() {}

  /**
   * Runs and waits.
   *
   * @param perRank partition r holds the data of rank r
   * @return what the ranks gave, in rank order
   * @throws RankFailedException with the first cause, if a rank failed
   */
  public static <T, R extends Serializable> List<R> run(
      JavaSparkContext spark, JavaRDD<T> perRank, RankBody<T, R> body, RunListener listener) {
    String name = "kiln-" + UUID.randomUUID();
    AtomicReference<RankMessage.Failed> cause = new AtomicReference<>();
    ExecutorService events =
        Executors.newSingleThreadExecutor(
            task -> {
              Thread thread = new Thread(task, "kiln-events");
              thread.setDaemon(true);
              return thread;
            });
    RunView view = new RunView(listener);
    try (DriverEndpoint endpoint =
        new DriverEndpoint(
            SparkEnv.get().rpcEnv(),
            name,
            message -> {
              if (message instanceof RankMessage.Failed failed
                  && failed.fault() != RankMessage.Fault.PEER
                  && cause.compareAndSet(null, failed)) {
                spark.cancelJobsWithTag(name, failed.line());
              }
              events.execute(() -> view.accept(message));
            })) {
      spark.addJobTag(name);
      spark.setInterruptOnCancel(true);
      List<R> results = collect(perRank, new RankTask<>(name, body));
      drain(events);
      return results;
    } catch (Exception failure) {
      drain(events);
      throw firstCause(Optional.ofNullable(cause.get()), view, failure);
    } finally {
      events.shutdownNow();
      spark.removeJobTag(name);
      spark.setInterruptOnCancel(false);
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

  private static RuntimeException firstCause(
      Optional<RankMessage.Failed> own, RunView view, Exception failure) {
    if (own.isPresent()) {
      return new RankFailedException(own.get());
    }
    if (!(failure instanceof SparkException) && failure instanceof RuntimeException ours) {
      return ours;
    }
    return view.lastFailure()
        .map(RankFailedException::new)
        .orElseGet(() -> new RankFailedException(OneLine.of(failure), failure));
  }
}
