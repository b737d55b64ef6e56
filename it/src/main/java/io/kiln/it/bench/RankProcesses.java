package io.kiln.it.bench;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;

/**
 * One JVM a rank, started with the environment that decides (threads, BLAS kernel, memory pages)
 * and without Spark. A child talks through its {@link RankLink}; what it prints otherwise goes to
 * the standard error.
 */
public final class RankProcesses implements AutoCloseable {
  /** Longer than anything that one rank does and others wait for. */
  private static final Duration LONGEST_GATHERING =
      StepBenchmark.LONGEST_FOREIGN.plus(Duration.ofMinutes(5));

  private static final int LONGEST_END_SECONDS = 60;

  private final List<Process> processes = new ArrayList<>();
  private final List<BufferedReader> readers = new ArrayList<>();
  private final List<BufferedWriter> writers = new ArrayList<>();

  /**
   * @param main has a {@code main} that makes a {@link RankLink} of its arguments
   * @param arguments every rank's, after its number and the number of ranks
   */
  public RankProcesses(
      Class<?> main, int ranks, Map<String, String> environment, List<String> arguments) {
    for (int rank = 0; rank < ranks; rank++) {
      List<String> command =
          new ArrayList<>(
              List.of(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-Xmx512m",
                  "-XX:+UseSerialGC",
                  "-XX:TieredStopAtLevel=4",
                  "-Dorg.bytedeco.javacpp.nopointergc=true",
                  "-Dorg.bytedeco.javacpp.maxphysicalbytes=0",
                  "-Dorg.bytedeco.javacpp.maxbytes=0",
                  "-cp",
                  System.getProperty("java.class.path"),
                  main.getName(),
                  Integer.toString(rank),
                  Integer.toString(ranks)));
      command.addAll(arguments);
      ProcessBuilder builder = new ProcessBuilder(command);
      builder.redirectError(ProcessBuilder.Redirect.INHERIT);
      // Benchmarks measure the processor, not what an environment was set to for older software.
      builder.environment().remove("OPENBLAS_CORETYPE");
      builder.environment().remove("OPENBLAS_L2_SIZE");
      builder.environment().putAll(environment);
      try {
        Process process = builder.start();
        processes.add(process);
        readers.add(
            new BufferedReader(
                new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8)));
        writers.add(
            new BufferedWriter(
                new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8)));
      } catch (IOException e) {
        close();
        throw new UncheckedIOException("cannot start " + new File(command.get(0)), e);
      }
    }
  }

  /**
   * What makes products fastest with {@code threads} threads a rank: ground for every comparison.
   */
  public static Map<String, String> environment(int threads) {
    return Map.of(
        "OMP_NUM_THREADS", Integer.toString(threads),
        "OPENBLAS_NUM_THREADS", Integer.toString(threads),
        "GLIBC_TUNABLES", "glibc.malloc.hugetlb=1",
        "MALLOC_ARENA_MAX", "1",
        "MALLOC_TRIM_THRESHOLD_", "17179869184",
        "MALLOC_TOP_PAD_", "268435456",
        "MALLOC_MMAP_MAX_", "0");
  }

  /**
   * Serves the ranks until all have ended. If one fails, the others are ended with it.
   *
   * @param reports hears what each rank reports, by rank
   * @throws IllegalStateException if a rank ends with another status than 0, or while others wait
   *     for it, or keeps them waiting too long
   */
  public void serve(BiConsumer<Integer, String> reports) {
    List<Thread> threads = new ArrayList<>();
    Gathering gathering = new Gathering(processes.size(), LONGEST_GATHERING);
    AtomicReference<RuntimeException> failure = new AtomicReference<>();
    for (int rank = 0; rank < processes.size(); rank++) {
      int current = rank;
      Thread thread =
          new Thread(
              () -> {
                try {
                  serve(current, gathering, reports);
                } catch (RuntimeException failed) {
                  failure.compareAndSet(null, failed);
                  processes.forEach(Process::destroyForcibly);
                } finally {
                  gathering.ended(current);
                }
              },
              "rank-" + rank);
      thread.setDaemon(true);
      thread.start();
      threads.add(thread);
    }
    try {
      for (Thread thread : threads) {
        thread.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while the ranks ran", e);
    }
    if (failure.get() != null) {
      throw failure.get();
    }
  }

  private void serve(int rank, Gathering gathering, BiConsumer<Integer, String> reports) {
    try {
      for (String line; (line = readers.get(rank).readLine()) != null; ) {
        if (line.startsWith(RankLink.GATHER)) {
          String all = gathering.exchange(rank, line.substring(RankLink.GATHER.length()));
          writers.get(rank).write(all + "\n");
          writers.get(rank).flush();
        } else if (line.startsWith(RankLink.REPORT)) {
          synchronized (reports) {
            reports.accept(rank, line.substring(RankLink.REPORT.length()));
          }
        } else {
          System.err.println("rank " + rank + ": " + line);
        }
      }
      // It has closed its output: it ends.
      if (!processes.get(rank).waitFor(LONGEST_END_SECONDS, TimeUnit.SECONDS)) {
        throw new IllegalStateException("rank " + rank + " says nothing more and does not end");
      }
    } catch (IOException gone) {
      throw new IllegalStateException("rank " + rank + " cannot be heard: " + gone, gone);
    } catch (InterruptedException e) {
      throw new IllegalStateException("interrupted while rank " + rank + " ran", e);
    }
    int status = processes.get(rank).exitValue();
    if (status != 0) {
      throw new IllegalStateException("rank " + rank + " ended with status " + status);
    }
  }

  /** The ranks' processes, in rank order. */
  List<ProcessHandle> handles() {
    return processes.stream().map(Process::toHandle).toList();
  }

  @Override
  public void close() {
    for (Process process : processes) {
      process.destroy();
      try {
        if (!process.waitFor(5, TimeUnit.SECONDS)) {
          process.destroyForcibly();
        }
      } catch (InterruptedException e) {
        process.destroyForcibly();
        Thread.currentThread().interrupt();
      }
    }
  }
}
