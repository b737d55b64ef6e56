package io.kiln.spark.job;

import io.kiln.engine.config.ConfigException;
import io.kiln.engine.config.JsonSection;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * When checkpoints are taken, where they go, and where a run begins.
 *
 * @param directory any path that Hadoop knows; empty for {@code checkpoints} in the output
 *     directory
 * @param interval steps between two
 * @param minutes between two
 * @param resume {@code auto}: from the newest in the directory, if there is one; {@code never}; or
 *     the path of a checkpoint or of a folder of them
 * @param keepLast how many stay
 * @param keepEvery those of multiples of this many steps stay too; 0 for none
 * @param failures checkpoints in a row that may fail before the run ends
 */
public record CheckpointSection(
    Optional<String> directory,
    OptionalLong interval,
    OptionalDouble minutes,
    String resume,
    int keepLast,
    long keepEvery,
    int failures) {
  /** Shorter ones would be none in milliseconds. */
  private static final double SHORTEST_MINUTES = 0.001;

  /** Begin from the newest checkpoint, if there is one. */
  public static final String AUTO = "auto";

  /** Begin anew. */
  public static final String NEVER = "never";

  /** None are taken. */
  public static final CheckpointSection NONE =
      new CheckpointSection(
          Optional.empty(), OptionalLong.empty(), OptionalDouble.empty(), AUTO, 2, 0, 3);

  public CheckpointSection {
    atLeast("checkpoint_interval", interval.orElse(1), 1);
    Range.count(1).require("checkpoint_keep_last", keepLast);
    atLeast("checkpoint_keep_every", keepEvery, 0);
    Range.count(1).require("checkpoint_failures", failures);
    minutes.ifPresent(
        given -> Range.minutes(SHORTEST_MINUTES).require("checkpoint_minutes", given));
    if (directory.isPresent() && directory.get().isBlank() || resume.isBlank()) {
      throw new ConfigException(
          resume.isBlank() ? "training.resume" : "training.checkpoint_dir", "is empty");
    }
  }

  private static void atLeast(String key, long value, long least) {
    if (value < least) {
      throw new ConfigException("training." + key, "must be at least " + least + ", not " + value);
    }
  }

  static CheckpointSection parse(JsonSection json) {
    return new CheckpointSection(
        json.text("checkpoint_dir"),
        json.whole("checkpoint_interval"),
        json.number("checkpoint_minutes"),
        json.text("resume").orElse(AUTO),
        count(json, "checkpoint_keep_last", NONE.keepLast),
        json.whole("checkpoint_keep_every", 0),
        count(json, "checkpoint_failures", NONE.failures));
  }

  private static int count(JsonSection json, String key, int otherwise) {
    return (int) Range.count(1).require(key, json.whole(key, otherwise));
  }

  /** Whether any are taken. */
  public boolean taken() {
    return directory.isPresent() || interval.isPresent() || minutes.isPresent();
  }

  /** Whether a run may find itself begun already, and go on. */
  public boolean mayContinue() {
    return taken() && !resume.equals(NEVER);
  }

  /** Where they go. */
  public String directory(String outputDirectory) {
    return directory.orElse(outputDirectory + "/checkpoints");
  }
}
