package io.kiln.spark.output;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The process that a run's files belong to, so that a later run can tell whether it has ended.
 *
 * @param host boot and process namespace that the number counts in
 * @param pid its number
 * @param started when it was started, in ticks since the boot: numbers are used again
 */
public record RunOwner(String host, long pid, String started) {
  /** In /proc/PID/stat, counted from behind the name (proc(5)). */
  private static final int START_TIME = 19;

  /**
   * A process that runs here.
   *
   * @throws IOException where the system does not tell (it does on Linux)
   */
  public static RunOwner of(ProcessHandle process) throws IOException {
    return new RunOwner(hostIdentity(), process.pid(), startOf(process.pid()));
  }

  private static String hostIdentity() throws IOException {
    return Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip()
        + " "
        + Files.readSymbolicLink(Path.of("/proc/self/ns/pid"));
  }

  private static String startOf(long pid) throws IOException {
    String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
    return stat.substring(stat.lastIndexOf(')') + 2).split(" ")[START_TIME];
  }

  void write(Path file) throws IOException {
    Files.writeString(file, String.join("\n", host, Long.toString(pid), started));
  }

  /** Whether a file names a process that is known to have ended; not, where that is unclear. */
  static boolean isDead(Path file) {
    try {
      String[] lines = Files.readString(file).split("\n");
      return lines.length == 3
          && new RunOwner(lines[0], Long.parseLong(lines[1]), lines[2]).isDead();
    } catch (IOException | NumberFormatException unclear) {
      return false;
    }
  }

  /** Whether the process is known to have ended; not, where that is unclear. */
  public boolean isDead() {
    try {
      return host.equals(hostIdentity()) && !runningSince(pid).equals(Optional.of(started));
    } catch (IOException unclear) {
      return false;
    }
  }

  private static Optional<String> runningSince(long pid) throws IOException {
    try {
      return Optional.of(startOf(pid));
    } catch (IOException gone) {
      if (Files.exists(Path.of("/proc/" + pid))) {
        throw gone;
      }
      return Optional.empty();
    }
  }
}
