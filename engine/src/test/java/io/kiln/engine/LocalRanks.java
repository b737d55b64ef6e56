package io.kiln.engine;

import io.kiln.engine.comm.Communicator;
import io.kiln.engine.comm.Rendezvous;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Ranks as threads of the test's JVM. */
public final class LocalRanks {
  private LocalRanks() {}

  /** What a rank does. */
  @FunctionalInterface
  public interface Body<T> {
    T run(Communicator communicator) throws Exception;
  }

  /** A group of one. */
  public static Communicator solo() {
    return Rendezvous.local(1, Duration.ofSeconds(20)).get(0);
  }

  /** Runs {@code body} on {@code size} ranks at once; their results in rank order. */
  public static <T> List<T> run(int size, Body<T> body) {
    ExecutorService threads = Executors.newFixedThreadPool(size);
    try {
      List<Communicator> communicators = Rendezvous.local(size, Duration.ofSeconds(20));
      List<Future<T>> futures = new ArrayList<>();
      for (Communicator communicator : communicators) {
        futures.add(
            threads.submit(
                () -> {
                  try (communicator) {
                    return body.run(communicator);
                  } catch (Throwable e) {
                    communicator.abort(e.toString());
                    throw e;
                  }
                }));
      }
      List<T> results = new ArrayList<>();
      for (Future<T> future : futures) {
        results.add(future.get(100, TimeUnit.SECONDS));
      }
      return results;
    } catch (ExecutionException e) {
      throw new AssertionError(e.getCause());
    } catch (InterruptedException | TimeoutException e) {
      throw new AssertionError(e);
    } finally {
      threads.shutdownNow();
    }
  }
}
