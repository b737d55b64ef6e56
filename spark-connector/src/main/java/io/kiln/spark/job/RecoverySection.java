package io.kiln.spark.job;

import io.kiln.engine.config.ConfigException;
import io.kiln.engine.config.JsonSection;

/**
 * What becomes of a run whose ranks die or hang.
 *
 * @param stallTimeout seconds that a rank may be silent or stand still
 * @param maxRestarts new starts of all ranks within the window; one more ends the run
 * @param restartWindow seconds over which they are counted
 */
public record RecoverySection(long stallTimeout, long maxRestarts, long restartWindow) {
  /** What holds where nothing is said. */
  public static final RecoverySection DEFAULT = new RecoverySection(60, 10, 3600);

  /** The beacon comes every half second; less than a few of them says nothing. */
  private static final long SHORTEST_STALL = 5;

  public RecoverySection {
    atLeast("stall_timeout", stallTimeout, SHORTEST_STALL);
    atLeast("max_restarts", maxRestarts, 0);
    atLeast("restart_window", restartWindow, 1);
  }

  private static void atLeast(String key, long value, long least) {
    if (value < least) {
      throw new ConfigException("training." + key, "must be at least " + least + ", not " + value);
    }
  }

  static RecoverySection parse(JsonSection json) {
    return new RecoverySection(
        json.whole("stall_timeout", DEFAULT.stallTimeout),
        json.whole("max_restarts", DEFAULT.maxRestarts),
        json.whole("restart_window", DEFAULT.restartWindow));
  }
}
