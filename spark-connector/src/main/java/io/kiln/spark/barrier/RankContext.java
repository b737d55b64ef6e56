package io.kiln.spark.barrier;

import io.kiln.engine.comm.CommunicationException;
import io.kiln.engine.tensor.ComputeDevice;
import io.kiln.engine.train.EvaluationReport;
import io.kiln.engine.train.StepReport;
import io.kiln.engine.train.recovery.CheckpointReport;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskKilledException;
import org.apache.spark.resource.ResourceInformation;
import org.bytedeco.pytorch.global.torch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A rank's place in its barrier job: who it is, what it may use, and its line to the driver. Sends
 * the beacon as long as it is open.
 */
public final class RankContext implements AutoCloseable {
  /** Where a rank is that waits for the others' first word. */
  public static final String MEETING = "meeting the other ranks";

  private static final Logger LOG = LoggerFactory.getLogger("io.kiln.spark");
  private static final long BEACON_MILLIS = 1000;
  private static final long WATCH_MILLIS = 250;
  private static final long DONE_MILLIS = 25;
  private static final long DONE_MILLIS_MOST = 500;

  /** A driver that is busy does not answer now and then. */
  private static final int UNANSWERED = 12;

  /** A beacon that has nothing new is sent every so many times. */
  private static final int QUIET_BEACONS = 2;

  private record Place(String phase, long step) {}

  private record Told(Place place, long progress) {}

  private final BarrierTaskContext task;
  private final RankChannel channel;
  private final ScheduledExecutorService beacon;
  private final String job;
  private final int earlierAttempts;
  private final AtomicBoolean saveWanted = new AtomicBoolean();
  private volatile Place place = new Place("starting", 0);
  private volatile LongSupplier progress = () -> 0;
  private Told told;
  private int quiet;

  RankContext(BarrierTaskContext task, RankChannel channel, String job, int earlierAttempts) {
    this.task = task;
    this.job = job;
    this.earlierAttempts = earlierAttempts;
    this.channel = channel;
    this.beacon =
        Executors.newSingleThreadScheduledExecutor(
            work -> {
              Thread thread = new Thread(work, "kiln-beacon-" + task.partitionId());
              thread.setDaemon(true);
              return thread;
            });
    beacon.scheduleWithFixedDelay(
        new Recurring("the beacon of rank " + rank(), this::shine, LOG::warn),
        0,
        BEACON_MILLIS,
        TimeUnit.MILLISECONDS);
  }

  private void shine() {
    Told now = new Told(place, progress.getAsLong());
    if (now.equals(told) && ++quiet < QUIET_BEACONS) {
      return;
    }
    told = now;
    quiet = 0;
    RankMessage.Progress message =
        new RankMessage.Progress(
            rank(),
            attempt(),
            host(),
            SparkEnv.get().executorId(),
            now.place().phase(),
            now.place().step(),
            now.progress());
    if (rank() == 0) {
      channel.ask(message, () -> saveWanted.set(true));
    } else {
      channel.send(message);
    }
  }

  /** A name that all attempts of the job share, and no other job has. */
  public String job() {
    return job;
  }

  /** This rank, from 0. */
  public int rank() {
    return task.partitionId();
  }

  /** Number of ranks. */
  public int size() {
    return task.getTaskInfos().length;
  }

  /** How often Spark has started all ranks again, from 0. */
  public int attempt() {
    return earlierAttempts + task.stageAttemptNumber();
  }

  /** Processor cores of this rank ({@code spark.task.cpus}). */
  public int threads() {
    return task.cpus();
  }

  /**
   * Where this rank computes: the GPU that Spark gave the task, if the job asks for GPUs.
   *
   * @throws IllegalStateException if what Spark calls the GPU leads to none that this process sees
   */
  public ComputeDevice device() {
    ResourceInformation gpu = task.resourcesJMap().get("gpu");
    if (gpu == null || gpu.addresses().length == 0) {
      return ComputeDevice.CPU;
    }
    int ofExecutor = SparkEnv.get().conf().getInt("spark.executor.resource.gpu.amount", 0);
    return ComputeDevice.gpu(
        new GpuAddress(gpu.addresses()[0])
            .index(
                Optional.ofNullable(System.getenv("CUDA_VISIBLE_DEVICES")),
                ofExecutor,
                torch::cuda_device_count));
  }

  /** Address of this executor as its peers reach it. */
  public static String host() {
    return SparkEnv.get().blockManager().blockManagerId().host();
  }

  /**
   * Gives every rank every rank's text, in rank order; waits for all. Where all wait and none comes
   * the driver ends it (see {@link RankWatch}).
   */
  public List<String> allGather(String text) {
    return List.of(task.allGather(text));
  }

  /** What tells, from any thread, that this rank gets on inside a step. */
  public void progressOf(LongSupplier count) {
    progress = count;
  }

  /**
   * Whether a checkpoint is wanted before the next one is due, because the driver is told to end or
   * an executor is taken away. Says so once.
   */
  public boolean takeSaveRequest() {
    return saveWanted.get() && saveWanted.getAndSet(false);
  }

  /** Says where this rank is; costs nothing. */
  public void at(String phase, long step) {
    place = new Place(phase, step);
  }

  /** Tells the driver of a step. */
  public void stepped(StepReport report) {
    channel.send(new RankMessage.Stepped(rank(), attempt(), report));
  }

  /** Tells the driver of an evaluation. */
  public void evaluated(EvaluationReport report) {
    channel.send(new RankMessage.Evaluated(rank(), attempt(), report));
  }

  /** Tells the driver that the training goes on from a checkpoint. */
  public void resumed(long step, String where) {
    channel.send(new RankMessage.Resumed(rank(), attempt(), step, where));
  }

  /** Tells the driver that the training begins with its first step. */
  public void begunAnew() {
    channel.send(new RankMessage.BegunAnew(rank(), attempt()));
  }

  /** Tells the driver of a checkpoint that is whole. */
  public void checkpointed(CheckpointReport report) {
    channel.send(new RankMessage.Checkpointed(rank(), attempt(), report));
  }

  /** Tells the person, in one line, what stands in the way of speed. */
  public void remark(String line) {
    channel.send(new RankMessage.Remarked(rank(), attempt(), line));
  }

  /**
   * Waits until the work of all ranks is done, so that none ends well while another may still fail:
   * Spark would start the one that failed alone.
   *
   * @throws CommunicationException if the driver does not answer, time after time
   */
  void awaitAllDone() {
    if (size() == 1) {
      return;
    }
    at(RankWatch.DONE, place.step());
    RankMessage.Done done = new RankMessage.Done(rank(), attempt());
    int unanswered = 0;
    long pause = DONE_MILLIS;
    while (true) {
      try {
        if (channel.askAndWait(done)) {
          return;
        }
        unanswered = 0;
        // Spark, which is written in Scala, throws checked exceptions past every declaration.
      } catch (Exception silence) {
        endIfAsked();
        if (++unanswered == UNANSWERED) {
          throw new CommunicationException(
              "the driver does not say whether the other ranks are done: " + OneLine.of(silence),
              silence);
        }
      }
      endIfAsked();
      try {
        Thread.sleep(pause);
      } catch (InterruptedException asked) {
        Thread.currentThread().interrupt();
        throw new TaskKilledException("ended with the job");
      }
      pause = Math.min(2 * pause, DONE_MILLIS_MOST);
    }
  }

  /** Whether Spark has asked the task to end. */
  public boolean askedToEnd() {
    return task.isInterrupted();
  }

  /**
   * Ends the task if Spark has asked for it.
   *
   * @throws TaskKilledException then
   */
  public void endIfAsked() {
    if (task.isInterrupted()) {
      throw new TaskKilledException("ended with the job");
    }
  }

  /**
   * Has something done once when Spark asks this task to end, on another thread; for waits that do
   * not ask themselves. Not after {@link #close}.
   */
  public void whenAskedToEnd(Runnable action) {
    beacon.execute(
        new Runnable() {
          @Override
          public void run() {
            if (task.isInterrupted()) {
              action.run();
            } else if (!beacon.isShutdown()) {
              beacon.schedule(this, WATCH_MILLIS, TimeUnit.MILLISECONDS);
            }
          }
        });
  }

  @Override
  public void close() {
    beacon.shutdownNow();
  }
}
