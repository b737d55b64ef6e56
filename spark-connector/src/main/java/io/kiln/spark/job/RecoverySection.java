package io.kiln.spark.job;

import io.kiln.engine.config.ConfigException;
import io.kiln.engine.config.JsonSection;

/**
 * What becomes of a run whose ranks die or hang.
 *
 * @param stallTimeout seconds that a rank may be silent or stand still
 * @param maxRestarts new starts of all ranks within the window; one more ends the run
 * @param restartWindow seconds over which they are counted
 * @param redundancy 1 if each rank keeps its neighbour's last shards in memory, 0 if not
 */
public record RecoverySection(
    long stallTimeout, long maxRestarts, long restartWindow, long redundancy) {
  /** What holds where nothing is said. */
  public static final RecoverySection DEFAULT = new RecoverySection(60, 10, 3600, 0);

  /** The beacon comes every second or two; less than a few of them says nothing. */
  private static final long SHORTEST_STALL = 5;

  public RecoverySection {
    Range.seconds(SHORTEST_STALL).require("stall_timeout", stallTimeout);
    Range.count(0).require("max_restarts", maxRestarts);
    Range.seconds(1).require("restart_window", restartWindow);
    if (redundancy != 0 && redundancy != 1) {
      throw new ConfigException("training.redundancy", "must be 0 or 1, not " + redundancy);
    }
  }

  static RecoverySection parse(JsonSection json) {
    return new RecoverySection(
        json.whole("stall_timeout", DEFAULT.stallTimeout),
        json.whole("max_restarts", DEFAULT.maxRestarts),
        json.whole("restart_window", DEFAULT.restartWindow),
        json.whole("redundancy", DEFAULT.redundancy));
  }
}
