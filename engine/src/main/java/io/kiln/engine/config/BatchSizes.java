package io.kiln.engine.config;

import java.util.List;
import java.util.OptionalLong;

/**
 * Samples of a step: {@code global = micro * accumulation * ranks}.
 *
 * @param global samples of a step over all ranks
 * @param micro samples that a rank computes at a time
 * @param accumulation micro-batches of a rank between two updates
 */
public record BatchSizes(int global, int micro, int accumulation) {
  private static final String GLOBAL = "train_batch_size";
  private static final String MICRO = "train_micro_batch_size_per_gpu";
  private static final String ACCUMULATION = "gradient_accumulation_steps";

  /** What a configuration may say of them. */
  static final List<String> KEYS = List.of(GLOBAL, MICRO, ACCUMULATION);

  /**
   * Reads the three keys. Values of {@code "auto"} are found from the others where they decide.
   *
   * @throws ConfigException if they do not decide the sizes, or contradict each other
   */
  static BatchSizes read(JsonSection section, int ranks, AutoValues auto) {
    OptionalLong global = size(section, GLOBAL);
    OptionalLong micro = size(section, MICRO);
    OptionalLong accumulation = size(section, ACCUMULATION);
    if (accumulation.isEmpty() && section.isAuto(ACCUMULATION) && !bothGiven(global, micro)) {
      accumulation = OptionalLong.of(auto.accumulation());
    }
    if (global.isEmpty() && micro.isEmpty() && section.isAuto(MICRO)) {
      micro = OptionalLong.of(auto.microBatch());
    }
    return solve(section.path(), global, micro, accumulation, ranks);
  }

  /**
   * DeepSpeed's rule: what is missing is found by division rounding down, then the product must
   * hold. The batch alone means accumulation 1, and so does the micro-batch alone.
   *
   * @param where path of the section in errors
   */
  static BatchSizes solve(
      String where, OptionalLong global, OptionalLong micro, OptionalLong accumulation, int ranks) {
    if (global.isEmpty() && micro.isEmpty()) {
      throw new ConfigException(where, "needs " + GLOBAL + " or " + MICRO);
    }
    long a = accumulation.orElse(1);
    if (accumulation.isEmpty() && bothGiven(global, micro)) {
      a = global.getAsLong() / micro.getAsLong() / ranks;
    }
    long m = micro.isPresent() ? micro.getAsLong() : global.getAsLong() / ranks / a;
    long b = global.isPresent() ? global.getAsLong() : Math.multiplyExact(m * a, ranks);
    if (m < 1 || a < 1 || b != m * a * ranks) {
      throw new ConfigException(
          where,
          "%s %d%s is not %s %d%s x %s %d%s x %d ranks = %d: make them agree or leave one out"
              .formatted(
                  GLOBAL,
                  b,
                  found(global),
                  MICRO,
                  m,
                  found(micro),
                  ACCUMULATION,
                  a,
                  found(accumulation),
                  ranks,
                  m * a * ranks));
    }
    return new BatchSizes(Math.toIntExact(b), (int) m, (int) a);
  }

  private static boolean bothGiven(OptionalLong one, OptionalLong other) {
    return one.isPresent() && other.isPresent();
  }

  private static String found(OptionalLong given) {
    return given.isPresent() ? "" : " (found from the others)";
  }

  private static OptionalLong size(JsonSection section, String key) {
    if (section.isAuto(key) || !section.has(key)) {
      return OptionalLong.empty();
    }
    return OptionalLong.of(section.integerFrom(1, key, 1));
  }
}
