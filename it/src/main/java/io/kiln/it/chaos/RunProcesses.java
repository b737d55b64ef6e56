package io.kiln.it.chaos;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Processes of one run, told apart from all others of this machine by where they log. */
public final class RunProcesses {
  private static final String LOG = "-Dkiln.log=";

  /** A task's number is that of its partition, and that is its rank. */
  private static final Pattern TASK = Pattern.compile("Running task (\\d+)\\.\\d+ in stage");

  private static final Duration LONGEST_END = Duration.ofSeconds(10);

  private RunProcesses() {}

  /** Executors of a run with this output directory, the oldest first. */
  public static List<ProcessHandle> executors(Path outputDir) {
    return loggingTo(outputDir.resolve("logs") + "/executor-");
  }

  /** The driver and executors of a run with this output directory. */
  public static List<ProcessHandle> all(Path outputDir) {
    return loggingTo(outputDir.resolve("logs") + "/");
  }

  /** A process's command line, a NUL behind each word; nothing of one that has ended. */
  private static List<String> words(Path process) throws IOException {
    return List.of(Files.readString(process.resolve("cmdline")).split("\0"));
  }

  private static List<ProcessHandle> loggingTo(String log) {
    List<ProcessHandle> found = new ArrayList<>();
    try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
      processes
          .filter(path -> path.getFileName().toString().matches("\\d+"))
          .forEach(
              path -> {
                try {
                  if (words(path).stream().anyMatch(word -> word.startsWith(LOG + log))) {
                    ProcessHandle.of(Long.parseLong(path.getFileName().toString()))
                        .ifPresent(found::add);
                  }
                } catch (IOException ended) {
                  // Between the listing and the reading.
                }
              });
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
    found.sort(Comparator.comparingLong(ProcessHandle::pid));
    return found;
  }

  /**
   * The rank that an executor runs, as its log says: that of the latest task. None before the first
   * one, and of an executor that has ended.
   */
  static OptionalInt rank(ProcessHandle executor) throws IOException {
    OptionalInt rank = OptionalInt.empty();
    try {
      for (String word : words(Path.of("/proc", Long.toString(executor.pid())))) {
        if (word.startsWith(LOG)) {
          Matcher task = TASK.matcher(Files.readString(Path.of(word.substring(LOG.length()))));
          while (task.find()) {
            rank = OptionalInt.of(Integer.parseInt(task.group(1)));
          }
        }
      }
    } catch (NoSuchFileException notYetOrGone) {
      return OptionalInt.empty();
    }
    return rank;
  }

  /** Kills (kill -9) and waits until the process is no more. */
  static void kill(ProcessHandle process) throws InterruptedException {
    process.destroyForcibly();
    long end = System.nanoTime() + LONGEST_END.toNanos();
    while (process.isAlive()) {
      if (System.nanoTime() > end) {
        throw new IllegalStateException("process " + process.pid() + " outlives a kill -9");
      }
      Thread.sleep(1);
    }
  }

  /** SIGCONT: a frozen process goes on. */
  public static void thaw(ProcessHandle process) throws IOException, InterruptedException {
    signal(process, "CONT");
  }

  /** SIGSTOP: the process stays and does nothing more. */
  public static void freeze(ProcessHandle process) throws IOException, InterruptedException {
    signal(process, "STOP");
  }

  /** SIGPWR: with {@code spark.decommission.enabled}, Spark takes the executor away. */
  public static void decommission(ProcessHandle process) throws IOException, InterruptedException {
    signal(process, "PWR");
  }

  private static void signal(ProcessHandle process, String name)
      throws IOException, InterruptedException {
    Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start();
    if (!kill.waitFor(5, TimeUnit.SECONDS) || kill.exitValue() != 0) {
      throw new IOException("process " + process.pid() + " took no SIG" + name);
    }
  }
}
