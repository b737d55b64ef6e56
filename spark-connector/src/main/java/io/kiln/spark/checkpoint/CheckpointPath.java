package io.kiln.spark.checkpoint;

import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointManifest;
import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.engine.config.ConfigException;
import io.kiln.spark.store.HadoopCheckpointStore;
import java.io.IOException;
import java.nio.file.NotDirectoryException;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/**
 * Checkpoints as a person names them: the folder of a run's checkpoints, or one of them ({@code
 * …/global_step40}).
 *
 * <p>Holds the connections of the store until it is closed.
 *
 * @param folder with the checkpoints
 * @param only the step of the one that was named; empty where the folder was
 */
public record CheckpointPath(CheckpointFolder folder, OptionalLong only) implements AutoCloseable {
  private static final int MOST_NAMES = 5;

  /**
   * Makes sense of a path; nothing is asked of its file system yet.
   *
   * @param path with or without a scheme
   * @throws ConfigException if it is none that can be used
   */
  public static CheckpointPath of(String path, Configuration hadoop) {
    try {
      Path whole = new Path(path);
      if (whole.getName().isEmpty() || whole.getName().equals("..")) {
        // Only the file system knows what the folder that this is run in is called.
        try (CheckpointStore here = HadoopCheckpointStore.of(path, hadoop)) {
          whole = new Path(here.location());
        }
      }
      OptionalLong step = CheckpointFolder.step(whole.getName());
      String folder = (step.isPresent() ? whole.getParent() : whole).toString();
      return new CheckpointPath(
          new CheckpointFolder(
              HadoopCheckpointStore.of(folder.isEmpty() ? Path.CUR_DIR : folder, hadoop)),
          step);
    } catch (IllegalArgumentException unusable) {
      throw new ConfigException("", path + " cannot be used: " + unusable.getMessage());
    } catch (IOException unusable) {
      throw new ConfigException("", unusable.getMessage());
    }
  }

  /**
   * Steps at which there may be a checkpoint, newest first: at least one.
   *
   * @throws ConfigException if there is nothing of the kind
   */
  public List<Long> steps() throws IOException {
    try {
      return only.isPresent() ? List.of(named(only.getAsLong())) : found();
    } catch (NotDirectoryException file) {
      throw new ConfigException(
          "", folder.store().location() + " is a file: name the folder of the checkpoints");
    }
  }

  private long named(long step) throws IOException {
    if (!folder.isPublished(step) && folder.store().list(CheckpointFolder.name(step)).isEmpty()) {
      List<Long> others = folder.candidates();
      throw new ConfigException(
          "",
          "there is nothing at "
              + folder.where(step)
              + (others.isEmpty() ? "" : ": beside it there are " + names(others)));
    }
    return step;
  }

  private List<Long> found() throws IOException {
    List<Long> steps = folder.folders();
    if (steps.isEmpty()) {
      String where = folder.store().location();
      List<String> names = folder.store().list("");
      if (names.isEmpty()) {
        throw new ConfigException("", "there is nothing at " + where);
      }
      throw new ConfigException(
          "",
          "there is no checkpoint in "
              + where
              + (names.contains(CheckpointManifest.FILE)
                  ? ": it looks like one itself, give it its name back (global_step and the step)"
                  : ": nothing in it is called global_step… (name what training.checkpoint_dir"
                      + " named)"));
    }
    return steps;
  }

  /**
   * The one that was named, or else the newest that has a manifest.
   *
   * @throws ConfigException if there is none
   */
  public long newest() throws IOException {
    List<Long> steps = steps();
    if (only.isPresent()) {
      return only.getAsLong();
    }
    for (long step : steps) {
      if (folder.isPublished(step)) {
        return step;
      }
    }
    throw new ConfigException(
        "",
        "there is no checkpoint in "
            + folder.store().location()
            + ": "
            + names(steps)
            + (steps.size() == 1 ? " has" : " have")
            + " no "
            + CheckpointManifest.FILE);
  }

  @Override
  public void close() throws IOException {
    folder.store().close();
  }

  private static String names(List<Long> steps) {
    return steps.stream()
            .limit(MOST_NAMES)
            .map(CheckpointFolder::name)
            .collect(Collectors.joining(", "))
        + (steps.size() > MOST_NAMES ? ", …" : "");
  }
}
