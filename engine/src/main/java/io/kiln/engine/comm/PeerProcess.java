package io.kiln.engine.comm;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A process of this host, told from a later one of the same number by the time it was started at.
 *
 * @param pid its number
 * @param startTicks clock ticks after boot (field 22 of {@code /proc/PID/stat}, proc(5))
 */
record PeerProcess(long pid, long startTicks) {
  private static final int STATE = 0;
  private static final int START = 19;

  /** The process that asks. */
  static PeerProcess self() {
    long pid = ProcessHandle.current().pid();
    String[] fields = stat(pid);
    return new PeerProcess(pid, fields.length > START ? Long.parseLong(fields[START]) : 0);
  }

  /**
   * Whether it still runs. A process that has died and was not yet reaped by its parent does not.
   */
  boolean alive() {
    String[] fields = stat(pid);
    return fields.length > START
        && !fields[STATE].equals("Z")
        && !fields[STATE].equals("X")
        && Long.parseLong(fields[START]) == startTicks;
  }

  /** Fields of stat from the third on: the second, the name, may hold blanks and parentheses. */
  private static String[] stat(long pid) {
    try {
      String line =
          Files.readString(Path.of("/proc/" + pid + "/stat"), StandardCharsets.ISO_8859_1);
      return line.substring(line.lastIndexOf(')') + 2).trim().split(" ");
    } catch (IOException gone) {
      return new String[0];
    }
  }
}
