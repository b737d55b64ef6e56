package io.kiln.spark.cli;

import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.spark.job.CheckpointSection;
import io.kiln.spark.store.HadoopCheckpointStore;
import java.io.IOException;
import java.util.List;
import org.apache.hadoop.conf.Configuration;

/**
 * What goes on with a job that was stopped.
 *
 * @param checkpoints that it takes, if any
 * @param outputDir where it leaves its model
 */
record Sequel(CheckpointSection checkpoints, String outputDir) {
  /** The end of the line that says what is left, from its first sign on. */
  String told(Configuration hadoop) {
    if (!checkpoints.taken()) {
      return ": remove it or name another output_dir to start again";
    }
    return (checkpoints.resume().equals(CheckpointSection.NEVER)
            ? "; with --set training.resume=" + CheckpointSection.AUTO + " the same command"
            : "; the same command")
        + " goes on from the newest checkpoint"
        + newest(hadoop);
  }

  private String newest(Configuration hadoop) {
    String directory = checkpoints.directory(outputDir);
    try (CheckpointStore store = HadoopCheckpointStore.of(directory, hadoop)) {
      // An executor that is stopped too may still publish one.
      List<Long> taken = new CheckpointFolder(store).candidates();
      return taken.isEmpty()
          ? " (there is none in " + directory + " yet)"
          : ", " + CheckpointFolder.name(taken.get(0)) + " in " + directory;
    } catch (IOException | RuntimeException unreadable) {
      return " in " + directory;
    }
  }
}
