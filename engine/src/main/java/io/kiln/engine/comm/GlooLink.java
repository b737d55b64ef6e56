package io.kiln.engine.comm;

import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.GlooDeviceVector;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.Work;

/** A rank's sockets to its peers: tagged messages, waits that end, and who was to blame. */
final class GlooLink implements AutoCloseable {
  private static final String FAILURE = "failure";
  private static final Duration REASON_PATIENCE = Duration.ofMillis(500);

  private static final long WATCH_MILLIS = 250;

  /** What the rank's thread waits for. */
  private record Waiting(Work work, int peer, String operation) {}

  private final KeyStore store;
  private final ProcessGroupGloo group;
  private final int rank;
  private final int size;
  private final Duration timeout;
  private final StagingBuffers staging = new StagingBuffers();
  private final Tripwires tripwires;
  private final ScheduledExecutorService watch;
  private final Object waitLock = new Object();
  private final Object failureLock = new Object();
  private Waiting waiting;
  private Waiting watched;
  private int nextTag;
  private long waitNanos;
  private volatile String failure;
  private boolean closed;

  /**
   * Connects to all peers; returns when all have.
   *
   * @param store closed with the link
   */
  GlooLink(KeyStore store, Membership membership) {
    this.store = store;
    this.rank = membership.rank();
    this.size = membership.size();
    this.timeout = membership.timeout();
    try (PointerScope scope = new PointerScope()) {
      ProcessGroupGloo.Options options =
          ProcessGroupGloo.Options.create(new Milliseconds(timeout.toMillis()));
      // One interface: left to itself Gloo would take what the host's name resolves to.
      options.devices(
          new GlooDeviceVector(ProcessGroupGloo.createDeviceForHostname(membership.host())));
      options.threads(1);
      group = new ProcessGroupGloo(store.store(), rank, size, options);
      tripwires = new Tripwires(group, rank, size, timeout);
      group.retainReference();
    } catch (RuntimeException e) {
      throw new CommunicationException(
          String.format(
              "rank %d: not all of %d ranks could be reached from %s: %s",
              rank, size, membership.host(), KeyStore.firstLine(e)),
          e);
    }
    watch =
        Executors.newSingleThreadScheduledExecutor(
            work -> {
              Thread thread = new Thread(work, "kiln-sockets-" + rank);
              thread.setDaemon(true);
              return thread;
            });
    watch.scheduleWithFixedDelay(this::look, WATCH_MILLIS, WATCH_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** Ends a wait for a peer whose connection has broken unheard. */
  private void look() {
    Waiting now;
    synchronized (waitLock) {
      now = waiting;
      if (now == null || now != watched) {
        watched = now;
        return;
      }
    }
    // At its own deadline a rank closes its connections; the wait itself tells of that.
    tripwires
        .broken(now.peer())
        .filter(cause -> !KeyStore.firstLine(cause).contains("Application timeout"))
        .ifPresent(
            cause -> {
              fail(now.operation(), now.peer(), cause);
              endWait();
            });
  }

  /** It may be asking the store, which is closed next. */
  private void endWatch() {
    watch.shutdownNow();
    boolean interrupted = false;
    boolean ended = false;
    long end = System.nanoTime() + timeout.toNanos();
    while (!ended && System.nanoTime() < end) {
      try {
        ended = watch.awaitTermination(WATCH_MILLIS, TimeUnit.MILLISECONDS);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void endWait() {
    synchronized (waitLock) {
      if (waiting != null) {
        waiting.work().abort();
      }
    }
  }

  int rank() {
    return rank;
  }

  int size() {
    return size;
  }

  long waitNanos() {
    return waitNanos;
  }

  StagingBuffers staging() {
    return staging;
  }

  /** The same on every rank, because all start the same collectives in the same order. */
  int nextTag() {
    nextTag = nextTag == Integer.MAX_VALUE ? 1 : nextTag + 1;
    return nextTag;
  }

  /** Begins to send; the caller closes the work. */
  Work send(int to, Span span, long from, long count, int tag) {
    try (PointerScope scope = new PointerScope()) {
      Tensor part = span.view(from, count);
      Work work = group.send(new TensorVector(part), to, tag);
      work.retainReference();
      return work;
    }
  }

  /** Begins to receive; the caller closes the work. */
  Work receive(int from, Span span, long to, long count, int tag) {
    try (PointerScope scope = new PointerScope()) {
      Tensor part = span.view(to, count);
      Work work = group.recv(new TensorVector(part), from, tag);
      work.retainReference();
      return work;
    }
  }

  /** Waits for a message to or from a peer. */
  void await(Work work, int peer, String operation) {
    long start = System.nanoTime();
    synchronized (waitLock) {
      waiting = new Waiting(work, peer, operation);
    }
    try (PointerScope scope = new PointerScope()) {
      boolean arrived = work._wait(new Milliseconds(timeout.toMillis()));
      if (failure != null || !arrived) {
        throw new CommunicationException(
            String.format("rank %d: %s ended: %s", rank, operation, failure));
      }
    } catch (CommunicationException e) {
      throw e;
    } catch (RuntimeException e) {
      throw fail(operation, peer, e);
    } finally {
      synchronized (waitLock) {
        waiting = null;
      }
      waitNanos += System.nanoTime() - start;
    }
  }

  void checkUsable() {
    if (failure != null) {
      throw new CommunicationException("rank " + rank + ": the communicator is dead: " + failure);
    }
    if (closed) {
      throw new CommunicationException("rank " + rank + ": the communicator is closed");
    }
  }

  /** A message to or from a peer could not be begun, or did not end well. */
  CommunicationException fail(String operation, int peer, RuntimeException cause) {
    String message = KeyStore.firstLine(cause);
    if (message.contains("Timed out")) {
      String late =
          String.format(
              Locale.ROOT,
              "no answer from rank %d for %.1f s in %s",
              peer,
              timeout.toMillis() / 1000.0,
              operation);
      return fail(operation, cause, () -> late);
    }
    return fail(
        operation,
        cause,
        () -> String.format("rank %d is gone in %s (%s)", peer, operation, message));
  }

  /** Gives the failure a name: another rank's reason where one was left, this rank's where not. */
  private CommunicationException fail(
      String operation, RuntimeException cause, Supplier<String> ownReason) {
    if (failure == null) {
      Optional<String> reason = awaitReason();
      die(reason.orElseGet(ownReason));
    }
    return new CommunicationException(
        String.format("rank %d: %s ended: %s", rank, operation, failure), cause);
  }

  /** A closed connection says nothing; who closed it may be about to say why. */
  private Optional<String> awaitReason() {
    long end = System.nanoTime() + REASON_PATIENCE.toNanos();
    Optional<String> reason = store.peek(FAILURE);
    while (reason.isEmpty() && !store.gone() && System.nanoTime() < end) {
      try {
        Thread.sleep(20);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return reason;
      }
      reason = store.peek(FAILURE);
    }
    return reason;
  }

  /** Why the group is dead, if it is; null if not. */
  String failure() {
    return failure;
  }

  /** The group has died elsewhere than in its sockets. */
  void die(String reason) {
    synchronized (failureLock) {
      if (failure != null) {
        return;
      }
      failure = reason;
    }
    // Unless somebody has left a reason before.
    store.offer(FAILURE, reason);
  }

  /** May be called by any thread. */
  void abort(String reason) {
    die("rank " + rank + " aborted: " + reason);
    endWait();
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    endWatch();
    tripwires.close();
    staging.close();
    group.releaseReference();
    store.close();
  }
}
