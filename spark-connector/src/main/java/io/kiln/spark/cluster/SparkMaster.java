package io.kiln.spark.cluster;

import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A master URL as Spark takes it, and how many tasks it can run at once where the URL alone says
 * so.
 */
public sealed interface SparkMaster {
  /** Ranks are threads of the driver. {@code local}, {@code local[4]}, {@code local[*]}. */
  record Local(String url, int cores) implements SparkMaster {
    @Override
    public OptionalInt slots(int cpusPerTask) {
      return OptionalInt.of(cores / cpusPerTask);
    }
  }

  /** Executor processes on this machine. {@code local-cluster[executors,cores,megabytes]}. */
  record LocalCluster(String url, int executors, int cores, int megabytes) implements SparkMaster {
    @Override
    public OptionalInt slots(int cpusPerTask) {
      return OptionalInt.of(executors * (cores / cpusPerTask));
    }
  }

  /** A cluster that has to be asked. {@code spark://…}, {@code yarn}, {@code k8s://…}. */
  record Remote(String url) implements SparkMaster {
    @Override
    public OptionalInt slots(int cpusPerTask) {
      return OptionalInt.empty();
    }
  }

  /** What Spark is given. */
  String url();

  /** Tasks that run at once, where that is known without asking. */
  OptionalInt slots(int cpusPerTask);

  /** Whether executors are processes of this machine that this process starts and ends. */
  default boolean startsItsExecutors() {
    return !(this instanceof Remote);
  }

  /** Memory of an executor's heap in the default master: Java's part; tensors lie outside. */
  int DEFAULT_MEGABYTES = 1024;

  /** Two executor processes of one core. */
  String DEFAULT = "local-cluster[2,1," + DEFAULT_MEGABYTES + "]";

  /**
   * @throws IllegalArgumentException where Spark would not know it either
   */
  static SparkMaster parse(String url) {
    Matcher local =
        Pattern.compile("local(?:\\[\\s*(\\d+|\\*)\\s*(?:,\\s*\\d+\\s*)?])?").matcher(url);
    if (local.matches()) {
      String cores = local.group(1);
      int count =
          cores == null
              ? 1
              : cores.equals("*")
                  ? Runtime.getRuntime().availableProcessors()
                  : positive(cores, url);
      return new Local(url, count);
    }
    Matcher cluster =
        Pattern.compile("local-cluster\\[\\s*(\\d+)\\s*,\\s*(\\d+)\\s*,\\s*(\\d+)\\s*]")
            .matcher(url);
    if (cluster.matches()) {
      return new LocalCluster(
          url,
          positive(cluster.group(1), url),
          positive(cluster.group(2), url),
          positive(cluster.group(3), url));
    }
    StandaloneMasters.of(url);
    if (url.equals("yarn") || url.matches("(spark|k8s)://.+")) {
      return new Remote(url);
    }
    throw new IllegalArgumentException(
        "spark.master \""
            + url
            + "\" is none that Spark knows; it can be local[N],"
            + " local-cluster[EXECUTORS,CORES,MEGABYTES], spark://HOST:PORT, yarn or k8s://URL");
  }

  private static int positive(String number, String url) {
    try {
      int value = Integer.parseInt(number);
      if (value > 0) {
        return value;
      }
    } catch (NumberFormatException tooLarge) {
      // the same answer
    }
    throw new IllegalArgumentException(
        "spark.master \"" + url + "\" holds " + number + " where a number above 0 belongs");
  }
}
