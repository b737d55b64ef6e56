package io.kiln.engine.comm;

import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
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

  private final KeyStore store;
  private final ProcessGroupGloo group;
  private final int rank;
  private final int size;
  private final Duration timeout;
  private final StagingBuffers staging = new StagingBuffers();
  private final Object waitLock = new Object();
  private Work waitedFor;
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
      group.retainReference();
    } catch (RuntimeException e) {
      throw new CommunicationException(
          String.format(
              "rank %d: not all of %d ranks could be reached from %s: %s",
              rank, size, membership.host(), KeyStore.firstLine(e)),
          e);
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
    nextTag = nextTag == Integer.MAX_VALUE ? 0 : nextTag + 1;
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
      waitedFor = work;
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
        waitedFor = null;
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

  /** A message could not be begun: a peer's connection is closed, or an argument is wrong. */
  CommunicationException fail(String operation, RuntimeException cause) {
    return fail(
        operation,
        cause,
        () -> String.format("%s cannot start (%s)", operation, KeyStore.firstLine(cause)));
  }

  private CommunicationException fail(String operation, int peer, RuntimeException cause) {
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
      failure = reason.orElseGet(ownReason);
      if (reason.isEmpty()) {
        store.offer(FAILURE, failure);
      }
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

  /** May be called by any thread. */
  void abort(String reason) {
    if (failure == null) {
      failure = "rank " + rank + " aborted: " + reason;
      store.offer(FAILURE, failure);
    }
    synchronized (waitLock) {
      if (waitedFor != null) {
        waitedFor.abort();
      }
    }
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    staging.close();
    group.releaseReference();
    store.close();
  }
}
