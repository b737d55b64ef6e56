package io.kiln.spark.cluster;

import io.kiln.engine.config.ConfigException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.apache.spark.network.util.JavaUtils;

/**
 * Heap of the driver that {@code bin/kiln} starts: {@code spark.driver.memory}, a size that Spark
 * and {@code java} write differently.
 *
 * @param given as the job has it
 * @param megabytes the same
 */
public record DriverHeap(String given, long megabytes) {
  /** The job's name of it. */
  public static final String KEY = "spark.driver.memory";

  private static final String WHERE = "spark.conf." + KEY;
  private static final String DEFAULT = "1g";

  /** What Spark's memory manager needs, and what a collector keeps of a heap for itself. */
  private static final int LEAST_MEGABYTES = SparkSettings.LEAST_HEAP_MEGABYTES + 30;

  /**
   * Of a job's settings, or the usual one.
   *
   * @throws ConfigException if it is no size
   */
  public static DriverHeap of(Map<String, String> conf) {
    String given = conf.getOrDefault(KEY, DEFAULT);
    try {
      return new DriverHeap(given, JavaUtils.byteStringAsMb(given));
    } catch (IllegalArgumentException unreadable) {
      throw new ConfigException(
          WHERE, "must be a size as Spark writes them, such as 512m or 2g, not \"" + given + "\"");
    }
  }

  /**
   * @throws ConfigException if Spark does not start with so little
   */
  void require() {
    if (megabytes < LEAST_MEGABYTES) {
      throw new ConfigException(
          WHERE, "must be at least " + LEAST_MEGABYTES + "m, not \"" + given + "\"");
    }
  }

  /** Option of the JVM. */
  public String option() {
    return "-Xmx" + megabytes + "m";
  }

  /**
   * Starts a JVM that does nothing: only it knows whether it can have so much.
   *
   * @throws ConfigException if it cannot
   */
  public void requireStart() {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    try {
      Process probe =
          new ProcessBuilder(java, option(), "-version").redirectErrorStream(true).start();
      String told = new String(probe.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (probe.waitFor() != 0) {
        String reason = told.lines().skip(1).findFirst().orElse(told).strip();
        throw new ConfigException(
            WHERE, "no JVM starts here with " + given + " (" + reason + "): lower it");
      }
    } catch (IOException noProbe) {
      // The driver will tell.
    } catch (InterruptedException hurried) {
      Thread.currentThread().interrupt();
    }
  }
}
