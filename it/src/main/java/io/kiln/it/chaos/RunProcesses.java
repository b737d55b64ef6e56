package io.kiln.it.chaos;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Processes of one run, told apart from all others of this machine by where they log. */
public final class RunProcesses {
  private RunProcesses() {}

  /** Executors of a run with this output directory, the oldest first. */
  public static List<ProcessHandle> executors(Path outputDir) {
    return loggingTo(outputDir.resolve("logs") + "/executor-");
  }

  /** The driver and executors of a run with this output directory. */
  public static List<ProcessHandle> all(Path outputDir) {
    return loggingTo(outputDir.resolve("logs") + "/");
  }

  private static List<ProcessHandle> loggingTo(String log) {
    List<ProcessHandle> found = new ArrayList<>();
    try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
      processes
          .filter(path -> path.getFileName().toString().matches("\\d+"))
          .forEach(
              path -> {
                try {
                  // A NUL behind each argument; nothing of a process that has ended.
                  List<String> words =
                      List.of(Files.readString(path.resolve("cmdline")).split("\0"));
                  if (words.stream().anyMatch(word -> word.startsWith("-Dkiln.log=" + log))) {
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
