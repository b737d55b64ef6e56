package io.kiln.engine.config;

import io.kiln.engine.config.SchedulerConfig.WarmupType;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;

/** Reads {@code scheduler}. */
final class SchedulerSection {
  private static final List<String> SUPPORTED =
      List.of(
          "WarmupLR",
          "WarmupDecayLR",
          "WarmupCosineLR",
          "OneCycle",
          "LRRangeTest",
          "constant",
          "linear",
          "cosine",
          "polynomial",
          "exponential");

  /** Classes of torch.optim.lr_scheduler, which DeepSpeed also takes, in lower case. */
  private static final Set<String> NOT_YET =
      Set.of(
          "lambdalr",
          "multiplicativelr",
          "steplr",
          "multisteplr",
          "constantlr",
          "linearlr",
          "exponentiallr",
          "polynomiallr",
          "cosineannealinglr",
          "cosineannealingwarmrestarts",
          "cycliclr",
          "onecyclelr",
          "reducelronplateau",
          "sequentiallr",
          "chainedscheduler");

  private final JsonSection params;
  private final AutoValues auto;

  private SchedulerSection(JsonSection params, AutoValues auto) {
    this.params = params;
    this.auto = auto;
  }

  static SchedulerConfig read(JsonSection root, AutoValues auto) {
    Optional<JsonSection> section = root.section("scheduler");
    Optional<String> type = section.flatMap(s -> s.text("type"));
    if (type.isEmpty()) {
      section.ifPresent(s -> s.requiredText("type"));
      return new SchedulerConfig.Constant(OptionalDouble.empty(), 0);
    }
    JsonSection params = section.get().sectionOrEmpty("params");
    return new SchedulerSection(params, auto).scheduler(section.get(), type.get());
  }

  private SchedulerConfig scheduler(JsonSection section, String type) {
    switch (type.toLowerCase(Locale.ROOT)) {
      case "warmuplr":
        fromTheStart();
        return new SchedulerConfig.Warmup(
            warmupMinimum(), maximum("warmup_max_lr"), deepspeedWarmup(), warmupType());
      case "warmupdecaylr":
        fromTheStart();
        return new SchedulerConfig.WarmupDecay(
            requiredTotal(),
            warmupMinimum(),
            params.has("warmup_max_lr")
                ? maximum("warmup_max_lr")
                : OptionalDouble.of(1e-3), // DeepSpeed's default, not the optimizer's rate
            deepspeedWarmup(),
            warmupType());
      case "warmupcosinelr":
        fromTheStart();
        return new SchedulerConfig.WarmupCosine(
            requiredTotal(),
            params.numberFrom(0, "warmup_min_ratio", 0),
            deepspeedWarmup(),
            params.numberFrom(0, "cos_min_ratio", 1e-4),
            warmupType());
      case "onecycle":
        fromTheStart();
        return oneCycle();
      case "lrrangetest":
        fromTheStart();
        return new SchedulerConfig.RangeTest(
            params.numberFrom(0, "lr_range_test_min_lr", 1e-3),
            params.wholeFrom(1, "lr_range_test_step_size", 2000),
            params.number("lr_range_test_step_rate", 1),
            params.flag("lr_range_test_staircase", false));
      case "constant":
        return new SchedulerConfig.Constant(maximum("max_lr"), warmup());
      case "linear":
        return new SchedulerConfig.Linear(maximum("max_lr"), minimum(), warmupWithin(), total());
      case "cosine":
        return new SchedulerConfig.Cosine(
            maximum("max_lr"),
            minimum(),
            warmupWithin(),
            total(),
            params.wholeFrom(1, "cycles", 1));
      case "polynomial":
        return new SchedulerConfig.Polynomial(
            maximum("max_lr"),
            minimum(),
            warmupWithin(),
            total(),
            params.numberFrom(0, "power", 1));
      case "exponential":
        double gamma = params.requiredNumber("gamma");
        if (!(gamma > 0 && gamma <= 1)) {
          throw params.error("gamma", "must be above 0 and at most 1, not " + gamma);
        }
        return new SchedulerConfig.Exponential(maximum("max_lr"), minimum(), warmup(), gamma);
      default:
        if (NOT_YET.contains(type.toLowerCase(Locale.ROOT))) {
          throw section.error(
              "type",
              type + " is not supported by Kiln yet: use one of " + String.join(", ", SUPPORTED));
        }
        throw section.error(
            "type",
            "there is no scheduler \"%s\": %s"
                .formatted(
                    type,
                    NearestName.of(type, SUPPORTED)
                        .map(n -> "did you mean \"" + n + "\"?")
                        .orElse("use one of " + String.join(", ", SUPPORTED))));
    }
  }

  private SchedulerConfig oneCycle() {
    double first = params.number("cycle_first_step_size", 2000);
    if (!(first > 0)) {
      throw params.error("cycle_first_step_size", "must be above 0, not " + first);
    }
    long firstStairs = params.wholeFrom(0, "cycle_first_stair_count", 0);
    double minimum = params.requiredNumber("cycle_min_lr");
    return new SchedulerConfig.OneCycle(
        minimum,
        params.requiredNumber("cycle_max_lr"),
        params.numberFrom(0, "decay_lr_rate", 0),
        first,
        params.numberFrom(0, "cycle_second_step_size", first),
        firstStairs,
        params.wholeFrom(0, "cycle_second_stair_count", firstStairs),
        params.numberFrom(0, "decay_step_size", 0),
        params.flag("cycle_momentum", true),
        params.numberFrom(0, "cycle_min_mom", 0.8),
        params.numberFrom(0, "cycle_max_mom", 0.9),
        params.numberFrom(0, "decay_mom_rate", 0));
  }

  private WarmupType warmupType() {
    return params.choice("warmup_type", WarmupType.LOG);
  }

  private long deepspeedWarmup() {
    if (params.isAuto("warmup_num_steps")) {
      return Math.max(1, auto.warmupSteps());
    }
    // 0 is a warm-up of two steps, as 1 is; DeepSpeed's releases until July 2026 took it so.
    return params.wholeFrom(0, "warmup_num_steps", 1000);
  }

  private long warmup() {
    return params.isAuto("warmup_num_steps")
        ? auto.warmupSteps()
        : params.wholeFrom(0, "warmup_num_steps", 0);
  }

  /**
   * A warm-up that ends by the total. Where the total is the run's own, a short trial of a job may
   * end within the warm-up.
   */
  private long warmupWithin() {
    long warmup = warmup();
    boolean said = params.has("total_num_steps") && !params.isAuto("total_num_steps");
    if (said && warmup > total()) {
      throw params.error(
          "warmup_num_steps",
          warmup + " is more than total_num_steps, " + total() + ": lower it or raise that");
    }
    return warmup;
  }

  private double warmupMinimum() {
    return params.isAuto("warmup_min_lr") ? 0 : params.numberFrom(0, "warmup_min_lr", 0);
  }

  private double minimum() {
    return params.numberFrom(0, "min_lr", 0);
  }

  /** Empty (the optimizer's rate) where absent or auto. */
  private OptionalDouble maximum(String key) {
    if (params.isAuto(key) || !params.has(key)) {
      return OptionalDouble.empty();
    }
    return OptionalDouble.of(params.numberFrom(0, key, 0));
  }

  private long requiredTotal() {
    if (!params.has("total_num_steps")) {
      throw new ConfigException(
          params.path(), "needs the key \"total_num_steps\" (\"auto\": the steps of the run)");
    }
    return total();
  }

  private long total() {
    if (params.has("total_num_steps") && !params.isAuto("total_num_steps")) {
      return params.wholeFrom(1, "total_num_steps", 1);
    }
    return auto.totalSteps()
        .orElseThrow(
            () ->
                params.error(
                    "total_num_steps", "the steps of the run are not known here: write a number"));
  }

  /** A resumed run finds its place by counting steps, so a schedule always starts at its start. */
  private void fromTheStart() {
    if (params.whole("last_batch_iteration", -1) != -1) {
      throw params.error("last_batch_iteration", "is not supported by Kiln yet: remove it");
    }
  }
}
