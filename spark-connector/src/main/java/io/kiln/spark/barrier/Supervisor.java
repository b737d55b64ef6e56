package io.kiln.spark.barrier;

import io.kiln.spark.barrier.RankMessage.Failed;
import io.kiln.spark.barrier.RankMessage.Fault;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Watches a barrier job from the driver and decides what becomes of it: a rank that hangs loses its
 * executor, an error ends the job or is answered with a new start, and when the cluster has become
 * smaller or larger the job ends so that another number of ranks goes on.
 */
final class Supervisor {
  /** What Spark calls the driver among the executors. */
  static final String DRIVER = "driver";

  /** An error that comes again at the same step is not mended by another start. */
  private static final int FRUITLESS = 3;

  /** Executors that are replaced come within it, most of the time. */
  private static final Duration SETTLING = Duration.ofSeconds(15);

  /**
   * Where fewer ranks cannot go on, slots are waited for ten times as long, and at least so long.
   */
  private static final Duration LAST_HOPE = Duration.ofMinutes(5);

  /** A worker kills what does not end by itself after ten seconds. */
  private static final Duration HEARD_OF = Duration.ofSeconds(15);

  /** Executors that were condemned in an attempt, and when. */
  private record AwaitedEnd(int attempt, List<RankWatch.Stuck> stuck, long since) {}

  private final Cluster cluster;
  private final int ranks;
  private final RestartPolicy policy;
  private final RestartBudget budget;
  private final LongSupplier clock;
  private final RankWatch watch;
  private final LastWords words = new LastWords();
  private final CountDownLatch saved = new CountDownLatch(1);
  private int attempt;
  private int earlierAttempts;
  private long attemptBegun;
  private long furthest;
  private long furthestAtFailure = -1;
  private int fruitless;
  private long slotsMissingSince;
  private int condemned = -1;
  private int incomplete = -1;

  /** Ranks of the attempt whose work is done. */
  private final Set<Integer> done = new HashSet<>();

  /** Of the looking thread alone. */
  private Optional<AwaitedEnd> awaited = Optional.empty();

  /** Executors that Spark takes away, of the looking thread alone. */
  private final Set<String> leaving = new HashSet<>();

  private OptionalLong roomSince = OptionalLong.empty();
  private int room;
  private boolean driverEnds;
  private boolean saveWanted;
  private long saveFrom = Long.MAX_VALUE;
  private Optional<RuntimeException> verdict = Optional.empty();

  /**
   * @param ranks that the job has
   * @param budget of new starts, of the whole run
   * @param clock in nanoseconds
   */
  Supervisor(
      Cluster cluster, int ranks, RestartPolicy policy, RestartBudget budget, LongSupplier clock) {
    this.cluster = cluster;
    this.ranks = ranks;
    this.policy = policy;
    this.budget = budget;
    this.clock = clock;
    this.watch = new RankWatch(policy.stallTimeout());
    this.slotsMissingSince = clock.getAsLong();
  }

  /**
   * Spark starts an attempt. One without all ranks is no new start: its ranks end it at once (see
   * {@link RankTask}), and all are started again for the reason of the attempt before.
   */
  synchronized void submitted(int ofAttempt, int tasks) {
    if (tasks > 0 && tasks < ranks) {
      incomplete = ofAttempt;
      words.repeat(ofAttempt);
    }
  }

  /** A rank's task runs. */
  synchronized void started(int rank, int ofAttempt, String host, String executor, long task) {
    reach(ofAttempt);
    if (ofAttempt == attempt) {
      watch.started(rank, host, executor, task, clock.getAsLong());
    }
  }

  /** A rank's task runs no more. */
  synchronized void ended(int rank, int ofAttempt) {
    if (ofAttempt == attempt) {
      watch.ended(rank);
      if (driverEnds && watch.running() == 0) {
        saved.countDown(); // Nobody is left to save.
      }
    }
  }

  private void reach(int newest) {
    if (newest > attempt) {
      attempt = newest;
      attemptBegun = clock.getAsLong();
      roomSince = OptionalLong.empty();
      watch.reset();
      done.clear();
      if (attempt != incomplete && !budget.spend(attemptBegun)) {
        end(spent(words.causeOf(attempt)));
      }
    }
  }

  /**
   * Hears a rank.
   *
   * @return whether the rank is to save; to one that is done, whether all are
   */
  synchronized boolean heard(RankMessage message) {
    reach(message.attempt());
    if (message instanceof Failed failed) {
      failed(failed);
    } else if (message.attempt() == attempt) {
      if (message instanceof RankMessage.Progress beacon) {
        watch.heard(beacon, clock.getAsLong());
      } else if (message instanceof RankMessage.Stepped stepped) {
        furthest = Math.max(furthest, stepped.report().step());
      } else if (message instanceof RankMessage.Done) {
        done.add(message.rank());
        return done.size() == ranks;
      } else if (message instanceof RankMessage.Checkpointed checkpointed
          && checkpointed.report().step() >= saveFrom) {
        saved.countDown();
        if (roomSince.isPresent() && !driverEnds) {
          grow();
        }
      }
    }
    boolean save = saveWanted && message.rank() == 0 && message instanceof RankMessage.Progress;
    if (save) {
      saveWanted = false;
    }
    return save;
  }

  private RankFailedException spent(String last) {
    return new RankFailedException(
        budget + " are used up (training.max_restarts); the last one: " + last, null);
  }

  private void failed(Failed failed) {
    words.heard(failed);
    if (failed.fault() == Fault.PEER) {
      return;
    }
    fruitless = furthest == furthestAtFailure ? fruitless + 1 : 1;
    furthestAtFailure = furthest;
    boolean mended = failed.fault() == Fault.OWN && policy.ownErrors() && fruitless < FRUITLESS;
    if (!mended) {
      end(new RankFailedException(failed));
    }
  }

  /**
   * Looks whether all get on; called now and then, by one thread. Spark is asked outside of the
   * lock that its messages wait for.
   */
  void look() {
    policy.recalled().get().ifPresent(this::end);
    Optional<RuntimeException> ended = verdict();
    if (ended.isPresent()) {
      // It may have been between two jobs.
      cluster.endJob(ended.get().getMessage());
      return;
    }
    lookForSlots();
    lookForDepartures();
    List<RankWatch.Stuck> stuck = condemn();
    try {
      stuck.forEach(this::replace);
    } catch (RuntimeException notDone) {
      pardon();
      throw notDone;
    }
    if (!stuck.isEmpty()) {
      awaited = Optional.of(new AwaitedEnd(condemnedAttempt(), stuck, clock.getAsLong()));
    }
    awaited.filter(end -> isOverdue(end)).ifPresent(this::endPeer);
  }

  private void replace(RankWatch.Stuck one) {
    if (one.last().executor().equals(DRIVER)) {
      lastFailure().ifPresent(last -> end(new RankFailedException(last)));
    } else {
      cluster.replace(one.last().executor());
    }
  }

  /** The next look tries again. */
  private synchronized void pardon() {
    condemned = -1;
  }

  private synchronized int condemnedAttempt() {
    return condemned;
  }

  private synchronized boolean isOverdue(AwaitedEnd end) {
    return attempt == end.attempt() && clock.getAsLong() - end.since() > HEARD_OF.toNanos();
  }

  /**
   * Spark hears of a machine that is gone very late: another rank's task is ended in its place. Not
   * before the executor's end would have been heard of, or new ranks would ask it for what it had
   * shuffled.
   */
  private void endPeer(AwaitedEnd end) {
    taskBeside(end.stuck()).ifPresent(task -> cluster.endTask(task, end.stuck().get(0).line()));
    awaited = Optional.empty();
  }

  private void lookForSlots() {
    long now = clock.getAsLong();
    if (running() > 0) {
      slotsMissingSince = now;
      if (mayGrow(now)) {
        lookForRoom(now);
      }
      return;
    }
    int slots = cluster.slots();
    if (slots >= ranks) {
      slotsMissingSince = now;
      return;
    }
    // Spark itself would wait for the missing ones for ever.
    int fitting = policy.fitting().applyAsInt(slots);
    boolean fewerGoOn = fitting < ranks;
    Duration patience =
        fewerGoOn
            ? longer(policy.stallTimeout(), SETTLING)
            : longer(policy.stallTimeout().multipliedBy(10), LAST_HOPE);
    if (now - slotsMissingSince > patience.toNanos()) {
      String line = "only " + slots + " of " + ranks + " slots are left for the ranks";
      end(
          fewerGoOn
              ? new SlotsChangedException(line, fitting)
              : new RankFailedException(
                  line + ", for " + patience.toSeconds() + " s: start it again when more are there",
                  null));
    }
  }

  /** What an executor holds that is about to go is saved while there is time. */
  private void lookForDepartures() {
    for (String executor : executors()) {
      if (cluster.isLeaving(executor) && leaving.add(executor)) {
        synchronized (this) {
          saveWanted = true;
        }
      }
    }
  }

  private synchronized Set<String> executors() {
    return watch.executors();
  }

  private static Duration longer(Duration a, Duration b) {
    return a.compareTo(b) > 0 ? a : b;
  }

  private synchronized boolean mayGrow(long now) {
    return roomSince.isPresent()
        || attempt > 0 && watch.anyHeard() && now - attemptBegun < SETTLING.toNanos();
  }

  /** Where there is room for more ranks, what has been trained is saved before they start. */
  private void lookForRoom(long now) {
    int fitting = policy.fitting().applyAsInt(cluster.slots());
    synchronized (this) {
      room = fitting;
      if (fitting <= ranks) {
        roomSince = OptionalLong.empty();
      } else if (roomSince.isEmpty()) {
        roomSince = OptionalLong.of(now);
        saveWanted = true;
        saveFrom = furthest + 1;
      } else if (now - roomSince.getAsLong() > policy.saveGrace().toNanos()) {
        grow();
      }
    }
  }

  private void grow() {
    end(new SlotsChangedException("there are slots for " + room + " ranks", room));
  }

  private synchronized int running() {
    return watch.running();
  }

  private synchronized OptionalLong taskBeside(List<RankWatch.Stuck> stuck) {
    return watch.taskBeside(stuck);
  }

  /** Ranks that hang, once an attempt. */
  private synchronized List<RankWatch.Stuck> condemn() {
    List<RankWatch.Stuck> stuck = condemned == attempt ? List.of() : watch.stuck(clock.getAsLong());
    for (RankWatch.Stuck one : stuck) {
      condemned = attempt;
      words.heard(
          new Failed(one.last().rank(), attempt, one.last().host(), Fault.OWN, one.line(), ""));
    }
    return stuck;
  }

  /** Why the present attempt ends: what a rank said, or one that hangs would have said. */
  synchronized Optional<Failed> lastFailure() {
    return words.of(attempt);
  }

  /** Why the ranks were started again for an attempt, in one line. */
  synchronized String causeOf(int ofAttempt) {
    return words.causeOf(ofAttempt);
  }

  /** Another number of ranks is a new start, too. */
  private synchronized void end(RuntimeException reason) {
    if (verdict.isEmpty()) {
      boolean goesOn = reason instanceof SlotsChangedException;
      verdict =
          Optional.of(
              goesOn && !budget.spend(clock.getAsLong()) ? spent(reason.getMessage()) : reason);
      cluster.endJob(verdict.get().getMessage());
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

  /**
   * Another job takes over.
   *
   * @return attempts before its first one
   */
  synchronized int startAgain() {
    earlierAttempts = attempt + 1;
    return earlierAttempts;
  }

  /** Attempts before the first one of the present job. */
  synchronized int earlierAttempts() {
    return earlierAttempts;
  }

  /** The driver is told to end: asks for a checkpoint and waits for it. */
  void save() {
    synchronized (this) {
      if (policy.saveGrace().isZero() || !watch.anyHeard()) {
        return;
      }
      driverEnds = true;
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
