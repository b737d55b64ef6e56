package io.kiln.spark.output;

import io.kiln.engine.train.MemoryReport;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a rank tells of itself at its end.
 *
 * @param rank from 0
 * @param host it ran on
 * @param peakRssMegabytes most memory that its process had; ranks of one process share it
 * @param bytes that it holds for good, by what they are for
 */
public record RankReport(int rank, String host, long peakRssMegabytes, Map<String, Long> bytes)
    implements Serializable {
  public RankReport {
    bytes = new TreeMap<>(bytes);
  }

  /** Of the rank that calls it. */
  public static RankReport of(int rank, String host, MemoryReport memory) {
    return new RankReport(rank, host, peakRss(), memory.bytes());
  }

  /** Of this process, from Linux; 0 where it does not tell. */
  private static long peakRss() {
    try {
      return Files.readAllLines(Path.of("/proc/self/status")).stream()
          .filter(line -> line.startsWith("VmHWM:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024)
          .findFirst()
          .orElse(0);
    } catch (IOException elsewhere) {
      return 0;
    }
  }
}
