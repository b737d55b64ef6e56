package io.kiln.spark.checkpoint;

import io.kiln.engine.checkpoint.CheckpointException;
import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointManifest;
import io.kiln.engine.checkpoint.StoredShard;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A checkpoint at a glance: its manifest, and whether its files are there with the lengths that it
 * says. What is in them is not read.
 *
 * @param step in its name
 * @param manifest if it can be used
 * @param faults a line each; none where it is whole
 */
public record CheckpointSummary(
    long step, Optional<CheckpointManifest> manifest, List<String> faults) {
  public CheckpointSummary {
    faults = List.copyOf(faults);
  }

  /** Looks. */
  public static CheckpointSummary of(CheckpointFolder folder, long step) throws IOException {
    CheckpointManifest manifest;
    try {
      manifest = folder.manifest(step);
    } catch (CheckpointException unusable) {
      return new CheckpointSummary(step, Optional.empty(), List.of(unusable.getMessage()));
    }
    List<String> faults = new ArrayList<>();
    for (StoredShard shard : manifest.shards()) {
      try {
        folder.requireThere(step, shard);
      } catch (CheckpointException damaged) {
        faults.add(damaged.getMessage());
      }
    }
    return new CheckpointSummary(step, Optional.of(manifest), faults);
  }

  /** Whether nothing is wrong, as far as can be told without reading the files. */
  public boolean isWhole() {
    return faults.isEmpty();
  }
}
