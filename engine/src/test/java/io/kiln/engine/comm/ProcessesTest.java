package io.kiln.engine.comm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Ranks that are processes, and one that is killed. */
class ProcessesTest {
  @TempDir private Path directory;

  @ParameterizedTest
  @CsvSource({
    "AUTOMATIC, aaa, SharedMemoryCommunicator",
    "SOCKETS, aa, GlooCommunicator",
    "AUTOMATIC, aab, GlooCommunicator",
    "AUTOMATIC, aba, GlooCommunicator"
  })
  @Timeout(value = 60, unit = TimeUnit.SECONDS)
  void a_killed_rank_is_named_by_the_others_and_leaves_no_file(
      Transport transport, String placement, String expectedClass) throws Exception {
    int size = placement.length();
    List<Process> ranks = new ArrayList<>();
    try (StoreServer store = StoreServer.open("127.0.0.1")) {
      for (int r = 0; r < size; r++) {
        ranks.add(
            RankProgram.start(
                r, size, store.address(), transport, directory, Ranks.host(placement.charAt(r))));
      }
      List<BufferedReader> outputs = ranks.stream().map(RankProgram::output).toList();
      for (BufferedReader output : outputs) {
        assertEquals("joined " + expectedClass, next(output));
        assertEquals("sum " + size * (size + 1) / 2.0, next(output));
      }
      try (Stream<Path> files = Files.list(directory)) {
        assertEquals(List.of(), files.toList(), "the shared file has lost its name");
      }

      ranks.get(1).destroyForcibly();

      // Far before the time-out of 60 s, or this test's own would end it.
      for (int r = 0; r < size; r += 2) {
        String ended = next(outputs.get(r));
        assertTrue(ended.startsWith("ended rank " + r + ": "), ended);
        assertTrue(ended.contains("rank 1") && ended.contains("gone"), ended);
        assertTrue(ended.contains("all-reduce of 12000000 bytes"), ended);
      }
    } finally {
      ranks.forEach(Process::destroyForcibly);
    }
  }

  /** The rank's next word: Gloo has some of its own for the same stream. */
  private static String next(BufferedReader output) throws IOException {
    String line = output.readLine();
    while (line != null && line.startsWith("[Gloo]")) {
      line = output.readLine();
    }
    return String.valueOf(line);
  }
}
