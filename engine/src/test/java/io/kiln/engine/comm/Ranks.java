package io.kiln.engine.comm;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.bytedeco.javacpp.PointerScope;

/** Runs the same thing on every rank of a group, a thread each. */
final class Ranks {
  private static final long LIMIT_SECONDS = 60;

  /** What a rank does. */
  interface Body<T> {
    T run(Communicator communicator) throws Exception;
  }

  private Ranks() {}

  /** What every rank returned, in rank order. A rank's own exception is thrown. */
  static <T> List<T> run(List<? extends Communicator> group, Body<T> body) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(group.size());
    try {
      List<Future<T>> futures = new ArrayList<>();
      for (Communicator communicator : group) {
        futures.add(threads.submit((Callable<T>) () -> scoped(communicator, body)));
      }
      List<T> results = new ArrayList<>();
      for (Future<T> future : futures) {
        results.add(future.get(LIMIT_SECONDS, TimeUnit.SECONDS));
      }
      return results;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Exception cause) {
        throw cause;
      }
      throw (Error) e.getCause();
    } catch (TimeoutException e) {
      throw new AssertionError("a rank hangs", e);
    } finally {
      threads.shutdownNow();
    }
  }

  /** A group that met at a store, all in this JVM. */
  static List<Communicator> join(
      StoreServer server, int size, Transport transport, Duration timeout) {
    return each(
        size,
        r ->
            Rendezvous.join(
                new Membership(r, size, "127.0.0.1", server.address(), "test/0", timeout),
                transport));
  }

  /**
   * A group whose ranks pretend to be on several hosts: each letter of the placement is the host of
   * the rank at its place. Hosts are told apart by the address that they give.
   */
  static List<Communicator> placed(
      StoreServer server, String placement, Duration timeout, int slotBytes, int slots) {
    return each(
        placement.length(),
        r ->
            Rendezvous.join(
                new Membership(
                    r,
                    placement.length(),
                    host(placement.charAt(r)),
                    server.address(),
                    "placed/" + placement,
                    timeout),
                Transport.AUTOMATIC,
                List.of(Path.of("/dev/shm"), Path.of(System.getProperty("java.io.tmpdir"))),
                slotBytes,
                slots));
  }

  /** Every address of 127/8 is this machine. */
  static String host(char letter) {
    return "127.0.0." + (letter - 'a' + 1);
  }

  /** What a rank does before it has a communicator. */
  interface Rank<T> {
    T run(int rank) throws Exception;
  }

  /** What every rank returned, in rank order. */
  static <T> List<T> each(int size, Rank<T> rank) {
    ExecutorService threads = Executors.newFixedThreadPool(size);
    try {
      List<Future<T>> futures = new ArrayList<>();
      for (int r = 0; r < size; r++) {
        int number = r;
        futures.add(threads.submit(() -> rank.run(number)));
      }
      List<T> results = new ArrayList<>();
      for (Future<T> future : futures) {
        results.add(future.get(LIMIT_SECONDS, TimeUnit.SECONDS));
      }
      return results;
    } catch (InterruptedException | ExecutionException | TimeoutException e) {
      throw new AssertionError(e);
    } finally {
      threads.shutdownNow();
    }
  }

  private static <T> T scoped(Communicator communicator, Body<T> body) throws Exception {
    try (PointerScope scope = new PointerScope()) {
      return body.run(communicator);
    }
  }

  /** The message of the exception that every rank ends with; "none" where a rank had none. */
  static List<String> failures(List<? extends Communicator> group, Body<?> body) throws Exception {
    return run(
        group,
        communicator -> {
          try {
            body.run(communicator);
            return "none";
          } catch (CommunicationException e) {
            return e.getMessage();
          }
        });
  }
}
