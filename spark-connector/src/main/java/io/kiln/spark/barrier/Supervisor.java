package io.kiln.spark.barrier;

import io.kiln.spark.barrier.RankMessage.Failed;
import io.kiln.spark.barrier.RankMessage.Fault;
import io.kiln.spark.cluster.Slots;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkContext;

/**
 * Watches a barrier job from the driver and decides what becomes of it: a rank that hangs loses its
 * executor, an error ends the job or is answered with a new start, and when Spark cannot start all
 * ranks again the job ends so that fewer can be tried.
 */
final class Supervisor {
  private static final String DRIVER = "driver";

  /** An error that comes again at the same step is not mended by another start. */
  private static final int FRUITLESS = 3;

  /** All ranks are silent for so long: none of them runs. */
  private static final Duration NOTICEABLE = Duration.ofSeconds(5);

  private final SparkContext spark;
  private final String tag;
  private final int ranks;
  private final RestartPolicy policy;
  private final RestartBudget budget;
  private final RankWatch watch;
  private final CountDownLatch saved = new CountDownLatch(1);
  private int attempt;
  private long furthest;
  private long furthestAtFailure = -1;
  private int fruitless;
  private long slotsMissingSince;
  private int condemned = -1;
  private boolean roomAsked;
  private boolean saveWanted;
  private long saveFrom = Long.MAX_VALUE;
  private Optional<Failed> lastFailure = Optional.empty();
  private Optional<RuntimeException> verdict = Optional.empty();

  /**
   * @param tag of the job's, to cancel it by
   * @param ranks that it has
   */
  Supervisor(SparkContext spark, String tag, int ranks, RestartPolicy policy) {
    this.spark = spark;
    this.tag = tag;
    this.ranks = ranks;
    this.policy = policy;
    this.budget = new RestartBudget(policy.most(), policy.window());
    this.watch = new RankWatch(policy.stallTimeout());
  }

  /**
   * Hears a rank.
   *
   * @return whether the rank is to save
   */
  synchronized boolean heard(RankMessage message) {
    if (message.attempt() > attempt) {
      attempt = message.attempt();
      watch.reset();
      roomAsked = false;
      if (!budget.spend(System.nanoTime())) {
        end(spent());
      }
    }
    if (message instanceof Failed failed) {
      failed(failed);
    } else if (message.attempt() == attempt) {
      if (message instanceof RankMessage.Progress beacon) {
        watch.heard(beacon, System.nanoTime());
      } else if (message instanceof RankMessage.Stepped stepped) {
        furthest = Math.max(furthest, stepped.report().step());
      } else if (message instanceof RankMessage.Checkpointed checkpointed
          && checkpointed.report().step() >= saveFrom) {
        saved.countDown();
      }
    }
    boolean save = saveWanted && message.rank() == 0 && message instanceof RankMessage.Progress;
    if (save) {
      saveWanted = false;
    }
    return save;
  }

  private RankFailedException spent() {
    return new RankFailedException(
        policy.most()
            + " new starts within "
            + policy.window().toMinutes()
            + " min are used up (training.max_restarts)"
            + lastFailure
                .map(last -> "; the last one was for " + RankFailedException.line(last))
                .orElse(""),
        null);
  }

  private void failed(Failed failed) {
    if (failed.fault() == Fault.PEER) {
      // It heard of somebody's end: that one's own words are worth more.
      if (lastFailure.filter(last -> last.attempt() == failed.attempt()).isEmpty()) {
        lastFailure = Optional.of(failed);
      }
      return;
    }
    lastFailure = Optional.of(failed);
    fruitless = furthest == furthestAtFailure ? fruitless + 1 : 1;
    furthestAtFailure = furthest;
    if (failed.fault() == Fault.INPUT || !policy.ownErrors() || fruitless >= FRUITLESS) {
      end(new RankFailedException(failed));
    }
  }

  /**
   * Looks whether all get on; called now and then, by one thread. Spark is asked outside of the
   * lock that its messages wait for.
   */
  void look() {
    if (verdict().isPresent()) {
      return;
    }
    lookForSlots();
    for (RankWatch.Stuck stuck : condemn()) {
      if (stuck.last().executor().equals(DRIVER)) {
        lastFailure().ifPresent(last -> end(new RankFailedException(last)));
      } else {
        spark.killAndReplaceExecutor(stuck.last().executor());
      }
    }
  }

  private void lookForSlots() {
    boolean silent = silence().filter(quiet -> quiet.compareTo(NOTICEABLE) > 0).isPresent();
    boolean begun = attempts() > 0 && !silent && silence().isPresent() && !askedForRoom();
    long now = System.nanoTime();
    if (begun && policy.fitting().applyAsInt(Slots.now(spark)) > ranks) {
      end(new SlotsChangedException("there are slots for more ranks"));
    } else if (!silent || Slots.now(spark) >= ranks) {
      slotsMissingSince = now;
    } else if (now - slotsMissingSince > policy.stallTimeout().toNanos()) {
      end(
          new SlotsChangedException(
              "only " + Slots.now(spark) + " of " + ranks + " slots are left for the ranks"));
    }
  }

  private synchronized boolean askedForRoom() {
    boolean asked = roomAsked;
    roomAsked = true;
    return asked;
  }

  private synchronized Optional<Duration> silence() {
    return watch.silence(System.nanoTime());
  }

  /** Ranks that hang, once an attempt. */
  private synchronized List<RankWatch.Stuck> condemn() {
    List<RankWatch.Stuck> stuck = condemned == attempt ? List.of() : watch.stuck(System.nanoTime());
    for (RankWatch.Stuck one : stuck) {
      condemned = attempt;
      lastFailure =
          Optional.of(
              new Failed(one.last().rank(), attempt, one.last().host(), Fault.OWN, one.line(), ""));
    }
    return stuck;
  }

  /** What a rank that was silent or stood still would have said. */
  synchronized Optional<Failed> lastFailure() {
    return lastFailure;
  }

  private synchronized void end(RuntimeException reason) {
    if (verdict.isEmpty()) {
      verdict = Optional.of(reason);
      spark.cancelJobsWithTag(tag, reason.getMessage());
    }
  }

  /** Why the job was ended from here. */
  synchronized Optional<RuntimeException> verdict() {
    return verdict;
  }

  /** Whether ranks that Spark no longer starts again may be started by another job. */
  synchronized boolean mayStartAgain() {
    return verdict.isEmpty() && policy.ownErrors();
  }

  /** Attempts so far, the present one left out. */
  synchronized int attempts() {
    return attempt;
  }

  /** The driver is told to end: asks for a checkpoint and waits for it. */
  void save() {
    synchronized (this) {
      if (policy.saveGrace().isZero() || watch.silence(System.nanoTime()).isEmpty()) {
        return;
      }
      saveWanted = true;
      saveFrom = furthest;
    }
    try {
      saved.await(policy.saveGrace().toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException hurried) {
      Thread.currentThread().interrupt();
    }
  }
}
