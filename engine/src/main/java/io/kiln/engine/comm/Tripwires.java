package io.kiln.engine.comm;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.Work;

/**
 * Tells whether the connection to a peer is broken, at any time and without waiting.
 *
 * <p>Gloo tells every message that is posted on a connection when that breaks, except the one that
 * it is just reading: whoever waits for that would wait until the deadline (in one of five kills of
 * a peer that sends all the time). So a receive stays posted for every peer, of something that
 * nobody sends.
 */
final class Tripwires implements AutoCloseable {
  /** Not among those of {@link GlooLink#nextTag()}. */
  private static final int TAG = 0;

  private final List<Span> bytes = new ArrayList<>();
  private final List<Work> receives = new ArrayList<>();
  private final Duration timeout;
  private boolean closed;

  /**
   * @param timeout of the group: a shorter wait that ended would end all connections
   */
  Tripwires(ProcessGroupGloo group, int rank, int size, Duration timeout) {
    this.timeout = timeout;
    try (PointerScope scope = new PointerScope()) {
      for (int r = 0; r < size; r++) {
        Span target = Span.allocateBytes(1);
        bytes.add(target);
        if (r != rank) {
          Work receive = group.recv(new TensorVector(target.view(0, 1)), r, TAG);
          receive.retainReference();
          receives.add(receive);
        } else {
          receives.add(null);
        }
      }
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /** What broke the connection to a peer, if something did; from any thread. */
  synchronized Optional<RuntimeException> broken(int peer) {
    if (closed) {
      return Optional.empty();
    }
    try (PointerScope scope = new PointerScope()) {
      // Aborted first, the wait looks whether there is a failure and returns.
      receives.get(peer).abort();
      receives.get(peer)._wait(new Milliseconds(timeout.toMillis()));
      return Optional.empty();
    } catch (RuntimeException e) {
      return Optional.of(e);
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    for (Work receive : receives) {
      if (receive != null) {
        receive.close();
      }
    }
    receives.clear();
    bytes.forEach(Span::close);
    bytes.clear();
  }
}
