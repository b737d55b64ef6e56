package io.kiln.it.chaos;

import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.spark.cli.HadoopOptions;
import io.kiln.spark.store.HadoopCheckpointStore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Where the runs that are compared keep their checkpoints, each in a folder of its own.
 *
 * @param folder any path of Hadoop's, which nobody else writes to
 * @param hadoop settings of its file system, {@code spark.hadoop.NAME=VALUE} each
 */
public record CheckpointPlace(String folder, List<String> hadoop) {
  public CheckpointPlace {
    hadoop = List.copyOf(hadoop);
  }

  /** In a folder of this machine. */
  public static CheckpointPlace in(Path folder) {
    return new CheckpointPlace(folder.resolve("checkpoints").toString(), List.of());
  }

  private String folderOf(String run) {
    return folder + "/" + run;
  }

  /** What makes a run write there. */
  List<String> overrides(String run) {
    List<String> overrides = new ArrayList<>();
    overrides.add("training.checkpoint_dir=" + folderOf(run));
    hadoop.forEach(setting -> overrides.add("spark.conf." + setting));
    return overrides;
  }

  /** To look at what a run writes. */
  CheckpointStore open(String run) throws IOException {
    return store(folderOf(run));
  }

  /**
   * To see whether the place can be used, and to remove it with all that is in it.
   *
   * @throws IOException of one line, if there is no such kind of store or no such host
   */
  public CheckpointStore open() throws IOException {
    return store(folder);
  }

  private CheckpointStore store(String path) throws IOException {
    return HadoopCheckpointStore.of(path, HadoopOptions.configuration(hadoop, System.getenv()));
  }
}
