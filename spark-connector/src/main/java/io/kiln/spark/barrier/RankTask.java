package io.kiln.spark.barrier;

import io.kiln.datasource.DataException;
import io.kiln.engine.comm.CommunicationException;
import io.kiln.engine.config.ConfigException;
import io.kiln.engine.train.recovery.CheckpointsFailedException;
import io.kiln.spark.barrier.RankMessage.Fault;
import java.io.PrintWriter;
import java.io.Serializable;
import java.io.StringWriter;
import java.time.Duration;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.TaskKilledException;
import org.apache.spark.shuffle.FetchFailedException;
import scala.Tuple2;
import scala.collection.Iterator;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction1;

/** The barrier task of one rank: gives the body its context, and the driver its last words. */
final class RankTask<T, R extends Serializable>
    extends AbstractFunction1<Iterator<T>, Iterator<Tuple2<Integer, R>>> implements Serializable {
  private static final long serialVersionUID = 1L;
  private static final Duration LINGER = Duration.ofSeconds(2);

  private final String channelName;
  private final int earlierAttempts;
  private final RankBody<T, R> body;

  /**
   * @param channelName of the driver's end
   * @param earlierAttempts of the same ranks, in jobs before this one
   */
  RankTask(String channelName, int earlierAttempts, RankBody<T, R> body) {
    this.channelName = channelName;
    this.earlierAttempts = earlierAttempts;
    this.body = body;
  }

  @Override
  public Iterator<Tuple2<Integer, R>> apply(Iterator<T> partition) {
    KeyboardInterrupt.leaveToDriver();
    BarrierTaskContext task = BarrierTaskContext.get();
    refuseToBeAlone(task);
    RankChannel channel = new RankChannel(channelName);
    try (RankContext context = new RankContext(task, channel, channelName, earlierAttempts)) {
      R result = body.run(context, CollectionConverters.asJava(partition));
      context.awaitAllDone();
      return CollectionConverters.asScala(
          java.util.List.of(new Tuple2<>(task.partitionId(), result)).iterator());
    } catch (Exception | Error failure) {
      if (task.isInterrupted()) {
        // Somebody else's end: Spark knows the reason.
        throw new TaskKilledException("ended with the job");
      }
      tell(channel, task, failure);
      if (failure instanceof CommunicationException) {
        linger(task);
      }
      throw failure instanceof RuntimeException unchecked
          ? unchecked
          : new IllegalStateException(OneLine.of(failure), failure);
    }
  }

  /**
   * A rank that ends well as another one's failure ends the attempt is left out of the next attempt
   * by Spark, which forgets what has ended before the failure only. The ranks it does start would
   * wait for the missing one for ever; their failure makes it start all.
   */
  private static void refuseToBeAlone(BarrierTaskContext task) {
    int started = task.getTaskInfos().length;
    if (started < task.numPartitions()) {
      throw new CommunicationException(
          "only "
              + started
              + " of "
              + task.numPartitions()
              + " ranks were started: all are started again");
    }
  }

  /**
   * Spark ends a stage with the first task that throws, and interrupts the others. A rank that
   * heard of its peer's end only from a broken connection gives that peer the time to say why.
   */
  private static void linger(BarrierTaskContext task) {
    long end = System.nanoTime() + LINGER.toNanos();
    try {
      while (!task.isInterrupted() && System.nanoTime() < end) {
        Thread.sleep(50);
      }
    } catch (InterruptedException asked) {
      Thread.currentThread().interrupt();
    }
  }

  private void tell(RankChannel channel, BarrierTaskContext task, Throwable failure) {
    StringWriter trace = new StringWriter();
    failure.printStackTrace(new PrintWriter(trace));
    RankMessage.Failed words =
        new RankMessage.Failed(
            task.partitionId(),
            earlierAttempts + task.stageAttemptNumber(),
            RankContext.host(),
            fault(failure),
            OneLine.of(failure),
            trace.toString());
    try {
      channel.askAndWait(words);
    } catch (RuntimeException unheard) {
      failure.addSuppressed(unheard);
    }
  }

  private static Fault fault(Throwable failure) {
    if (failure instanceof DataException || failure instanceof ConfigException) {
      return Fault.INPUT;
    }
    if (failure instanceof CheckpointsFailedException) {
      return Fault.FINAL;
    }
    // What a lost executor had shuffled for this rank: Spark makes it again.
    return failure instanceof CommunicationException || failure instanceof FetchFailedException
        ? Fault.PEER
        : Fault.OWN;
  }
}
