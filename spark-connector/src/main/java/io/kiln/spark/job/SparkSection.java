package io.kiln.spark.job;

import com.fasterxml.jackson.databind.JsonNode;
import io.kiln.engine.config.ConfigException;
import io.kiln.engine.config.ElasticityConfig;
import io.kiln.engine.config.JsonSection;
import io.kiln.spark.cluster.SparkMaster;
import io.kiln.spark.cluster.SparkSettings;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Where a job runs.
 *
 * @param master as Spark takes it
 * @param conf Spark's own settings
 * @param ranks tasks of the barrier stage; empty for one on each slot of the master, or with
 *     elasticity for the largest valid number of them
 */
public record SparkSection(SparkMaster master, Map<String, String> conf, OptionalInt ranks) {
  public SparkSection {
    conf = Map.copyOf(conf);
  }

  static SparkSection parse(JsonSection json) {
    SparkMaster master;
    try {
      master = SparkMaster.parse(json.text("master", SparkMaster.DEFAULT));
    } catch (IllegalArgumentException unknown) {
      throw new ConfigException("", unknown.getMessage());
    }
    Map<String, String> conf = new LinkedHashMap<>();
    json.raw("conf").ifPresent(node -> readConf(node, conf));
    if (!conf.isEmpty()) {
      SparkSettings.require(conf);
    }
    requireHeap(master);
    OptionalInt ranks =
        json.has("ranks") ? OptionalInt.of(json.integerFrom(1, "ranks", 1)) : OptionalInt.empty();
    return new SparkSection(master, conf, ranks);
  }

  private static void requireHeap(SparkMaster master) {
    if (master instanceof SparkMaster.LocalCluster cluster
        && cluster.megabytes() < SparkSettings.LEAST_HEAP_MEGABYTES) {
      throw new ConfigException(
          "spark.master",
          "\""
              + master.url()
              + "\" gives an executor "
              + cluster.megabytes()
              + " MB, and Spark needs at least "
              + SparkSettings.LEAST_HEAP_MEGABYTES
              + ": raise the last number");
    }
  }

  private static void readConf(JsonNode node, Map<String, String> conf) {
    if (!node.isObject()) {
      throw new ConfigException("spark.conf", "must be an object of Spark's settings");
    }
    node.properties()
        .forEach(
            entry -> {
              if (!entry.getValue().isValueNode() || entry.getValue().isNull()) {
                throw new ConfigException(
                    "spark.conf." + entry.getKey(), "must be a string, number or boolean");
              }
              if (!entry.getKey().startsWith("spark.")) {
                throw new ConfigException(
                    "spark.conf." + entry.getKey(), "Spark's settings begin with \"spark.\"");
              }
              if (entry.getKey().equals("spark.master")) {
                throw new ConfigException(
                    "spark.conf.spark.master", "belongs under spark.master of the job");
              }
              conf.put(entry.getKey(), entry.getValue().asText());
            });
  }

  /** Cores of one rank ({@code spark.task.cpus}). */
  public int cpusPerTask() {
    String cpus = conf.getOrDefault("spark.task.cpus", "1");
    if (!cpus.matches("[1-9]\\d{0,4}")) {
      throw new ConfigException(
          "spark.conf.spark.task.cpus", "must be a whole number above 0, not " + cpus);
    }
    return Integer.parseInt(cpus);
  }

  /** Tasks that run at once, where the master need not be asked. */
  public OptionalInt slotsWithoutAsking() {
    return master.slots(cpusPerTask());
  }

  /**
   * Number of ranks on a master that offers so many slots: what the job says, or else the most that
   * find room, of those that an elastic batch can be cut for.
   *
   * @param elasticity of the job's DeepSpeed configuration
   * @throws ConfigException if the slots are fewer than the ranks
   */
  public int ranksOn(int slots, Optional<ElasticityConfig> elasticity) {
    int room = Math.max(1, slots);
    int wanted = ranks.orElseGet(() -> elasticity.map(e -> e.largestUpTo(room)).orElse(room));
    if (slots < wanted) {
      throw new ConfigException(
          "spark.ranks",
          wanted
              + (wanted == 1 ? " rank needs 1 slot" : " ranks need " + wanted + " slots")
              + " of "
              + cpusPerTask()
              + (cpusPerTask() == 1 ? " core" : " cores")
              + ", "
              + master.url()
              + " offers "
              + slots
              + ": lower spark.ranks or name a larger master");
    }
    return wanted;
  }
}
