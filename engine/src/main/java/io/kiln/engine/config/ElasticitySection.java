package io.kiln.engine.config;

import com.fasterxml.jackson.databind.JsonNode;
import io.kiln.engine.config.ElasticityConfig.Version;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/** Reads {@code elasticity}. */
final class ElasticitySection {
  private static final String KEY = "elasticity";
  private static final String MICRO = "micro_batch_sizes";
  private static final String MAX = "max_train_batch_size";
  private static final String IGNORE = "ignore_non_elastic_batch_info";

  private final JsonSection section;

  private ElasticitySection(JsonSection section) {
    this.section = section;
  }

  /**
   * @return empty where elasticity is not enabled; nothing else of the section is looked at then
   * @throws ConfigException also if batch sizes stand beside it and are not to be ignored
   */
  static Optional<ElasticityConfig> read(JsonSection root, List<String> notes) {
    Optional<JsonNode> value = root.raw(KEY);
    if (value.isEmpty() || (value.get().isBoolean() && !value.get().booleanValue())) {
      return Optional.empty();
    }
    JsonSection section = JsonSection.of(root.pathOf(KEY), value.get());
    if (!section.flag("enabled", false)) {
      return Optional.empty();
    }
    ElasticityConfig config = new ElasticitySection(section).config(notes);
    boolean ignore = section.flag(IGNORE, false);
    section.finish();
    settleOtherSizes(root, ignore, notes);
    return Optional.of(config);
  }

  private static void settleOtherSizes(JsonSection root, boolean ignore, List<String> notes) {
    for (String key : BatchSizes.KEYS) {
      // "auto" asks somebody to decide; here elasticity does.
      if (root.has(key) && !root.isAuto(key)) {
        if (!ignore) {
          throw root.error(
              key,
              "elasticity decides the batch sizes: remove it, or set "
                  + KEY
                  + "."
                  + IGNORE
                  + " to true");
        }
        notes.add(root.pathOf(key) + " is ignored: elasticity decides the batch sizes");
      }
    }
  }

  /** The sizes for so many ranks. A number that has a batch of its own is noted. */
  static BatchSizes sizes(ElasticityConfig config, int ranks, List<String> notes) {
    BatchSizes sizes = config.sizes(ranks);
    ElasticBatch shared = config.batch();
    if (!shared.ranks().contains(ranks)) {
      notes.add(
          "%s: a batch of %d samples, for %d ranks alone%s"
              .formatted(
                  config.where(),
                  sizes.global(),
                  ranks,
                  shared.ranks().isEmpty()
                      ? ""
                      : "; with %s it is %d".formatted(shared.choices(), shared.global())));
    }
    return sizes;
  }

  private ElasticityConfig config(List<String> notes) {
    Version version = version();
    int maxBatch = required(MAX);
    List<Integer> microBatches = microBatches();
    int minRanks = section.integerFrom(1, "min_gpus", 1);
    int maxRanks = section.integerFrom(1, "max_gpus", 10_000);
    if (maxRanks < minRanks) {
      throw section.error("max_gpus", "is " + maxRanks + ", less than min_gpus " + minRanks);
    }
    int modelParallel = section.integerFrom(1, "model_parallel_size", 1);
    int ranksPerNode = section.integerFrom(1, "num_gpus_per_node", 1);
    requireParts(version, modelParallel, ranksPerNode);
    if (section.numberFrom(0, "min_time", 0) > 0) {
      notes.add(section.pathOf("min_time") + " has no effect in Kiln");
    }
    ElasticityConfig config =
        new ElasticityConfig(
            section.path(),
            version,
            maxBatch,
            microBatches,
            minRanks,
            maxRanks,
            section.flag("prefer_larger_batch", true),
            modelParallel,
            ranksPerNode);
    requireRoom(config);
    return config;
  }

  private Version version() {
    double version = section.number("version", 0.2);
    if (version == 0.1) {
      return Version.V0_1;
    }
    if (version == 0.2) {
      return Version.V0_2;
    }
    throw section.error("version", "there is no " + version + ": use 0.1 or 0.2");
  }

  private int required(String key) {
    if (!section.has(key)) {
      section.requiredWhole(key);
    }
    return section.integerFrom(1, key, 1);
  }

  /** Whole numbers as they are: what DeepSpeed calls no integer is none here. */
  private List<Integer> microBatches() {
    JsonNode value =
        section
            .raw(MICRO)
            .orElseThrow(
                () -> new ConfigException(section.path(), "needs the key \"" + MICRO + "\""));
    if (!value.isArray() || value.isEmpty()) {
      throw section.error(MICRO, "must be an array of whole numbers above 0, not " + value);
    }
    List<Integer> sizes = new ArrayList<>();
    for (JsonNode size : value) {
      if (!size.isIntegralNumber() || !size.canConvertToInt() || size.intValue() < 1) {
        throw section.error(MICRO, "must hold whole numbers above 0, not " + size);
      }
      sizes.add(size.intValue());
    }
    return sizes;
  }

  private void requireParts(Version version, int modelParallel, int ranksPerNode) {
    if (version == Version.V0_1 && modelParallel > 1) {
      throw section.error(
          "model_parallel_size", "is " + modelParallel + ": version 0.1 has none, use 0.2");
    }
    if (ranksPerNode % modelParallel != 0 && version == Version.V0_2) {
      throw section.error(
          "num_gpus_per_node",
          "%d is no multiple of model_parallel_size %d".formatted(ranksPerNode, modelParallel));
    }
  }

  private void requireRoom(ElasticityConfig config) {
    int largest = Collections.max(config.microBatches());
    if (largest > config.maxBatchOfNodePart()) {
      String limit = MAX + " " + config.maxBatch();
      throw section.error(
          MICRO,
          config.copiesPerNode() == 1
              ? largest + " is more than " + limit
              : "%d is more than %s / %d on a node = %d"
                  .formatted(largest, limit, config.copiesPerNode(), config.maxBatchOfNodePart()));
    }
  }
}
