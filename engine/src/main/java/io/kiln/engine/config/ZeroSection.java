package io.kiln.engine.config;

import java.util.List;

/** Reads {@code zero_optimization}. */
final class ZeroSection {
  private static final String KEY = "zero_optimization";

  private final JsonSection section;
  private final AutoValues auto;

  private ZeroSection(JsonSection section, AutoValues auto) {
    this.section = section;
    this.auto = auto;
  }

  static ZeroConfig read(JsonSection root, AutoValues auto, List<String> notes) {
    if (root.raw(KEY).filter(v -> v.isBoolean()).isPresent()) {
      // DeepSpeed's first format: true is stage 1.
      int stage = root.flag(KEY, false) ? 1 : 0;
      long bucket = root.wholeFrom(0, "allgather_size", 500_000_000);
      return new ZeroConfig(stage, 500_000_000, bucket, true, 50_000_000, 100_000, 1_000_000_000);
    }
    JsonSection section = root.sectionOrEmpty(KEY).autoAsAbsent();
    ZeroSection reader = new ZeroSection(section, auto);
    ZeroConfig zero = reader.zero();
    for (String bucket : List.of("reduce_bucket_size", "allgather_bucket_size")) {
      if (section.has(bucket) && !section.isAuto(bucket)) {
        notes.add(
            section.pathOf(bucket)
                + " changes nothing in Kiln: a block is a message, sent in pieces of half a MiB");
      }
    }
    if (zero.stage() == 3) {
      reader.noteSwitches(zero, notes);
    }
    ForeignKeys.checkZero(section, notes);
    return zero;
  }

  /** A block is gathered whole, so what DeepSpeed counts in elements is yes or no here. */
  private void noteSwitches(ZeroConfig zero, List<String> notes) {
    String prefetch = alias("stage3_prefetch_bucket_size", "prefetch_bucket_size");
    if (section.has(prefetch) && zero.prefetchBucketSize() > 0) {
      notes.add(
          section.pathOf(prefetch)
              + " is a switch in Kiln: above 0 the next block is gathered ahead, whole; 0 turns it"
              + " off");
    }
    String live = alias("stage3_max_live_parameters", "max_live_parameters");
    if (section.has(live)) {
      notes.add(
          section.pathOf(live)
              + " chooses between two in Kiln: where two gathered blocks do not fit in it, one is"
              + " held at a time and none is gathered ahead");
    }
  }

  private ZeroConfig zero() {
    int stage = section.integerFrom(0, "stage", 0);
    if (stage > 3) {
      throw section.error("stage", "must be 0, 1, 2 or 3, not " + stage);
    }
    long width = auto.hiddenSize().orElse(0);
    return new ZeroConfig(
        stage,
        size("reduce_bucket_size", 500_000_000, width * width),
        size("allgather_bucket_size", 500_000_000, 0),
        // DeepSpeed leaves it off below stage 3 to save a second bucket; here it costs no memory.
        section.flag("overlap_comm", true),
        size(
            alias("stage3_prefetch_bucket_size", "prefetch_bucket_size"),
            50_000_000,
            (long) (0.9 * width * width)),
        size(
            alias("stage3_param_persistence_threshold", "param_persistence_threshold"),
            100_000,
            10 * width),
        size(alias("stage3_max_live_parameters", "max_live_parameters"), 1_000_000_000, 0));
  }

  /** DeepSpeed takes its own field's name too. */
  private String alias(String key, String shortKey) {
    if (section.has(key) && section.has(shortKey)) {
      throw section.error(shortKey, "is another name of " + key + ": leave one out");
    }
    return section.has(shortKey) ? shortKey : key;
  }

  private long size(String key, long otherwise, long whenAuto) {
    if (section.isAuto(key) && whenAuto > 0) {
      return whenAuto;
    }
    return section.wholeFrom(0, key, otherwise);
  }
}
