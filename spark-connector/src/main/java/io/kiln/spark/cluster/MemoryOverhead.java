package io.kiln.spark.cluster;

import io.kiln.engine.config.ConfigException;
import java.util.OptionalLong;
import org.apache.spark.SparkConf;

/**
 * What an executor may hold outside its heap, where somebody watches it: YARN and Kubernetes end an
 * executor that passes heap and overhead together, and tensors lie outside the heap.
 */
public final class MemoryOverhead {
  private static final String OVERHEAD = "spark.executor.memoryOverhead";

  /** libtorch's code and the buffers of libraries. */
  private static final long LIBRARIES = 512L << 20;

  /** A rank's ring in shared memory, which counts where processes are watched. */
  private static final long RING = 16L << 20;

  private static final long MEGABYTE = 1L << 20;

  private MemoryOverhead() {}

  /**
   * @param bytesPerRank that a rank will hold to compute with; activations come on top, as much
   *     again at the least
   * @param keptPerRank bytes that a rank keeps besides: samples, copies for checkpoints and peers
   * @throws ConfigException with the number to set, if the executors have less
   */
  public static void require(SparkConf conf, long bytesPerRank, long keptPerRank) {
    OptionalLong allowed = allowed(conf);
    if (allowed.isEmpty()) {
      return;
    }
    int ranks =
        Math.max(1, conf.getInt("spark.executor.cores", 1) / conf.getInt("spark.task.cpus", 1));
    long needed = LIBRARIES + ranks * (2 * bytesPerRank + keptPerRank + RING);
    if (allowed.getAsLong() < needed) {
      throw new ConfigException(
          OVERHEAD,
          "leaves "
              + allowed.getAsLong() / MEGABYTE
              + " MB outside the heap, "
              + (ranks == 1 ? "a rank needs" : ranks + " ranks of an executor need")
              + " at least "
              + (needed / MEGABYTE + 1)
              + ": set it to "
              + (needed / MEGABYTE + 1)
              + "m");
    }
  }

  /** Bytes outside the heap; empty where nobody counts them. */
  static OptionalLong allowed(SparkConf conf) {
    String master = conf.get("spark.master", "");
    if (!master.startsWith("yarn") && !master.startsWith("k8s")) {
      return OptionalLong.empty();
    }
    if (conf.contains(OVERHEAD)) {
      return OptionalLong.of(conf.getSizeAsMb(OVERHEAD) * MEGABYTE);
    }
    double factor =
        conf.getDouble(
            "spark.executor.memoryOverheadFactor",
            conf.getDouble("spark.kubernetes.memoryOverheadFactor", 0.1));
    long heap = conf.getSizeAsMb("spark.executor.memory", "1g");
    long least = conf.getSizeAsMb("spark.executor.minMemoryOverhead", "384m");
    return OptionalLong.of(Math.max((long) (factor * heap), least) * MEGABYTE);
  }
}
