package io.kiln.engine.comm;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.PrefixStore;
import org.bytedeco.pytorch.Store;
import org.bytedeco.pytorch.StringVector;
import org.bytedeco.pytorch.TCPStore;
import org.bytedeco.pytorch.TCPStoreOptions;

/** A rank's view of rank 0's {@link StoreServer}, under a prefix of its own. */
final class KeyStore implements AutoCloseable {
  static final long CONNECT_MILLIS = 30_000;

  private static final int PROBE_MILLIS = 2_000;
  private static final long LONGEST_PAUSE_MILLIS = 20;

  private final Duration timeout;
  private final BooleanSupplier ended;
  private final TCPStore client;
  private final PrefixStore store;
  private volatile boolean gone;

  /**
   * Connects.
   *
   * @param address {@code host:port}
   * @param prefix what keeps this group's keys apart from another's and from an earlier attempt's
   * @param timeout how long {@link #get} waits for a key, and at the most how long this tries
   * @param ended whether this rank is to end; asked while it waits
   */
  KeyStore(String address, String prefix, Duration timeout, BooleanSupplier ended) {
    this.timeout = timeout;
    this.ended = ended;
    int colon = address.lastIndexOf(':');
    requireListening(address, colon);
    try (PointerScope scope = new PointerScope()) {
      TCPStoreOptions options = new TCPStoreOptions();
      options.port((short) Integer.parseInt(address.substring(colon + 1)));
      options.isServer(false);
      options.waitWorkers(false);
      // It was open before its address was told.
      options.timeout(new Milliseconds(Math.min(timeout.toMillis(), CONNECT_MILLIS)));
      client = new TCPStore(address.substring(0, colon), options);
      client.retainReference();
      store = new PrefixStore(prefix, client);
      store.retainReference();
    } catch (RuntimeException e) {
      throw new CommunicationException(
          "the store of rank 0 at " + address + " does not answer: " + firstLine(e), e);
    }
  }

  /**
   * Nobody listens where somebody did before the address was told: rank 0 has died since. c10d
   * would try again for half a minute and more, and could not be ended.
   */
  private static void requireListening(String address, int colon) {
    try (Socket probe = new Socket()) {
      probe.connect(
          new InetSocketAddress(
              address.substring(0, colon), Integer.parseInt(address.substring(colon + 1))),
          PROBE_MILLIS);
    } catch (ConnectException refused) {
      throw new CommunicationException(
          "the store of rank 0 at " + address + " does not answer: " + refused.getMessage(),
          refused);
    } catch (IOException unclear) {
      // A network that is slow, or an odd name: c10d has more patience, and its own words.
    }
  }

  /** For c10d's process groups. */
  Store store() {
    return store;
  }

  /**
   * Sets a value.
   *
   * @throws CommunicationException if the store's process is gone
   */
  void set(String key, String value) {
    try {
      store.set(key, value);
    } catch (RuntimeException e) {
      throw noAnswer("", e);
    }
  }

  private static CommunicationException noAnswer(String meanwhile, RuntimeException why) {
    return new CommunicationException(
        "the store of rank 0 does not answer" + meanwhile + ": " + firstLine(why), why);
  }

  /**
   * The value, once somebody has set it.
   *
   * @param meanwhile what is waited for, as the end of an error
   * @throws TimeoutException if nobody does in time
   * @throws CommunicationException if this rank is to end, or the store's process is gone
   */
  String get(String key, String meanwhile) throws TimeoutException {
    long begin = System.nanoTime();
    try (PointerScope scope = new PointerScope()) {
      StringVector keys = new StringVector(key);
      // c10d's own wait could not be ended before its time.
      for (long pause = 1; !store.check(keys); pause = Math.min(2 * pause, LONGEST_PAUSE_MILLIS)) {
        if (ended.getAsBoolean()) {
          throw new CommunicationException("the job is ending" + meanwhile);
        }
        if (System.nanoTime() - begin > timeout.toNanos()) {
          throw new TimeoutException("nobody has set " + key);
        }
        pause(pause);
      }
      return store.get_to_str(key);
    } catch (CommunicationException ours) {
      throw ours;
    } catch (RuntimeException e) {
      throw noAnswer(meanwhile, e);
    }
  }

  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException asked) {
      Thread.currentThread().interrupt();
      throw new CommunicationException("interrupted");
    }
  }

  /** Whether it stopped answering. */
  boolean gone() {
    return gone;
  }

  /** The value, if somebody has set it and the store can still be asked. */
  Optional<String> peek(String key) {
    if (gone) {
      return Optional.empty();
    }
    try (PointerScope scope = new PointerScope()) {
      return store.check(new StringVector(key))
          ? Optional.of(store.get_to_str(key))
          : Optional.empty();
    } catch (RuntimeException e) {
      // Asked once: c10d writes a stack trace to the error stream for every question.
      gone = true;
      return Optional.empty();
    }
  }

  /** Sets a value unless somebody was first, or the store is gone. */
  void offer(String key, String value) {
    if (peek(key).isEmpty() && !gone) {
      try {
        store.set(key, value);
      } catch (RuntimeException e) {
        gone = true;
      }
    }
  }

  static String firstLine(Throwable e) {
    String message = String.valueOf(e.getMessage());
    int end = message.indexOf('\n');
    return end < 0 ? message : message.substring(0, end);
  }

  @Override
  public void close() {
    store.releaseReference();
    client.releaseReference();
  }
}
