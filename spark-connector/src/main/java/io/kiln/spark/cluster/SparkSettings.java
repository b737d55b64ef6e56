package io.kiln.spark.cluster;

import io.kiln.engine.config.ConfigException;
import io.kiln.engine.config.NearestName;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.SparkConf;
import org.apache.spark.internal.config.ConfigEntry;

/**
 * Spark's settings as a job gives them, read as Spark will read them but before there is a Spark:
 * it looks at many only when it is half started, or in the executors.
 */
public final class SparkSettings {
  /** How long a rank waits for the others. */
  public static final String COLLECTIVE_TIMEOUT = "spark.kiln.collectiveTimeout";

  /** Spark's memory manager takes no heap below one and a half times what it sets aside. */
  public static final int LEAST_HEAP_MEGABYTES = 450;

  static final String EXECUTOR_MEMORY = "spark.executor.memory";

  private static final String KEY = "spark.conf.";
  private static final String OURS = "spark.kiln.";
  private static final String COLLECTIVE_TIMEOUT_DEFAULT = "600s";

  /** Changes {@link #LEAST_HEAP_MEGABYTES}. */
  private static final String RESERVED = "spark.testing.reservedMemory";

  private static final List<String> FROM_ONE =
      List.of("spark.executor.cores", "spark.driver.cores", "spark.task.maxFailures");

  /**
   * A class that registers Spark's entries when it is loaded.
   *
   * @param beginning of their keys
   */
  private record Registry(String beginning, String className) {}

  private static final List<Registry> REGISTRIES =
      List.of(
          new Registry("spark.kubernetes.", "org.apache.spark.deploy.k8s.Config$"),
          new Registry("spark.yarn.", "org.apache.spark.deploy.yarn.config.package$"),
          new Registry("spark.sql.", "org.apache.spark.sql.internal.SQLConf$"),
          new Registry("spark.sql.", "org.apache.spark.sql.internal.StaticSQLConf$"),
          new Registry("spark.", "org.apache.spark.internal.config.package$"),
          new Registry("spark.", "org.apache.spark.internal.config.Network$"),
          new Registry("spark.ui.", "org.apache.spark.internal.config.UI$"),
          new Registry("spark.kryo", "org.apache.spark.internal.config.Kryo$"),
          new Registry("spark.deploy.", "org.apache.spark.internal.config.Deploy$"),
          new Registry("spark.worker.", "org.apache.spark.internal.config.Worker$"));

  /** As Spark words what a value is and has to be. */
  private static final Pattern TYPE = Pattern.compile("It should be a/an '([^']*)' value");

  private static final Pattern REQUIREMENT =
      Pattern.compile("is invalid\\.\\s*(.*?)\\s*(?:SQLSTATE.*)?$", Pattern.DOTALL);

  private SparkSettings() {}

  /**
   * Reads every value whose key Spark or Kiln knows.
   *
   * @param conf of a job
   * @throws ConfigException for the first that cannot be used, in the order of their names
   */
  public static void require(Map<String, String> conf) {
    new TreeMap<>(conf).forEach(SparkSettings::requireReadable);
    FROM_ONE.forEach(key -> requireAtLeast(key, conf, 1, ""));
    if (!conf.containsKey(RESERVED)) {
      requireAtLeast(EXECUTOR_MEMORY, conf, LEAST_HEAP_MEGABYTES, "m");
    }
    DriverHeap.of(conf).require();
  }

  /** How long a rank waits for the others, as a running Spark is set. */
  public static Duration collectiveTimeout(SparkConf conf) {
    return Duration.ofSeconds(
        conf.getTimeAsSeconds(COLLECTIVE_TIMEOUT, COLLECTIVE_TIMEOUT_DEFAULT));
  }

  private static void requireReadable(String key, String value) {
    // Spark fills these in from the environment of the process that reads them.
    if (value.contains("${")) {
      return;
    }
    if (key.startsWith(OURS)) {
      requireOurs(key, value);
      return;
    }
    entry(key)
        .ifPresent(
            entry -> {
              try {
                entry.valueConverter().apply(value);
              } catch (IllegalArgumentException refused) {
                throw new ConfigException(KEY + key, reason(value, refused));
              }
            });
  }

  private static void requireOurs(String key, String value) {
    if (!key.equals(COLLECTIVE_TIMEOUT)) {
      throw new ConfigException(
          KEY + key,
          "Kiln has no such setting: "
              + NearestName.of(key, List.of(COLLECTIVE_TIMEOUT))
                  .map(near -> "did you mean \"" + near + "\"?")
                  .orElse("it has " + COLLECTIVE_TIMEOUT));
    }
    long seconds;
    try {
      seconds = collectiveTimeout(new SparkConf(false).set(key, value)).toSeconds();
    } catch (IllegalArgumentException | ArithmeticException unreadable) {
      throw new ConfigException(KEY + key, mustBe("time", value));
    }
    if (seconds < 1) {
      throw new ConfigException(KEY + key, "must be at least 1s, not \"" + value + "\"");
    }
  }

  /** Loads no more than it takes: a registry is half a second of a command's start. */
  private static Optional<ConfigEntry<?>> entry(String key) {
    for (Registry registry : REGISTRIES) {
      ConfigEntry<?> known = ConfigEntry.findEntry(key);
      if (known != null) {
        return Optional.of(known);
      }
      if (key.startsWith(registry.beginning())) {
        load(registry.className());
      }
    }
    return Optional.ofNullable(ConfigEntry.findEntry(key));
  }

  private static void load(String registry) {
    try {
      Class.forName(registry);
    } catch (ClassNotFoundException | LinkageError absent) {
      // Then only the cluster's own Spark knows these keys.
    }
  }

  private static String reason(String value, IllegalArgumentException refused) {
    String message = String.valueOf(refused.getMessage());
    Matcher type = TYPE.matcher(message);
    if (type.find()) {
      return mustBe(type.group(1), value);
    }
    Matcher requirement = REQUIREMENT.matcher(message);
    String why = requirement.find() ? requirement.group(1) : message;
    return "cannot be \"" + value + "\": " + why.lines().findFirst().orElse("Spark refuses it");
  }

  private static String mustBe(String type, String value) {
    String wanted =
        switch (type.split(" ")[0]) {
          case "bytes" -> "a size as Spark writes them, such as 512m or 2g";
          case "time" -> "a time as Spark writes them, such as 90s or 10min";
          case "int", "long" -> "a whole number";
          case "double" -> "a number";
          case "boolean" -> "true or false";
          default -> "of the type " + type;
        };
    return "must be " + wanted + ", not \"" + value + "\"";
  }

  private static void requireAtLeast(
      String key, Map<String, String> conf, long least, String unit) {
    String value = conf.get(key);
    if (value == null || value.contains("${")) {
      return;
    }
    Object read = entry(key).orElseThrow().valueConverter().apply(value);
    if (read instanceof scala.Option<?> some) {
      read = some.get();
    }
    if (((Number) read).longValue() < least) {
      throw new ConfigException(
          KEY + key, "must be at least " + least + unit + ", not \"" + value + "\"");
    }
  }
}
