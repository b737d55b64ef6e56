package io.kiln.spark.training;

import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.engine.config.ConfigException;
import io.kiln.engine.train.recovery.CheckpointPolicy;
import io.kiln.spark.job.CheckpointSection;
import io.kiln.spark.store.HadoopCheckpointStore;
import java.io.IOException;
import java.io.Serializable;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.apache.hadoop.conf.Configuration;

/**
 * Where a run's checkpoints go and where it begins, as its ranks are told.
 *
 * @param directory that they go to; null where none are taken
 * @param interval steps between two; 0 for none by steps
 * @param millis time between two; 0 for none by time
 * @param keepLast how many stay
 * @param keepEvery those of multiples of this stay too; 0 for none
 * @param failures in a row that end the run
 * @param source folder of checkpoints to begin from; null to begin anew
 * @param sourceStep the one to take; 0 for the newest
 */
record CheckpointPlan(
    String directory,
    long interval,
    long millis,
    int keepLast,
    long keepEvery,
    int failures,
    String source,
    long sourceStep)
    implements Serializable {
  private static final Duration PATIENCE = Duration.ofMinutes(10);

  /**
   * Of a job.
   *
   * @param output directory of the run
   */
  static CheckpointPlan of(CheckpointSection section, String output) {
    String directory = section.taken() ? section.directory(output) : null;
    String source = directory;
    long step = 0;
    if (section.resume().equals(CheckpointSection.NEVER)) {
      source = null;
    } else if (!section.resume().equals(CheckpointSection.AUTO)) {
      source = section.resume().replaceAll("/+$", "");
      String name = source.substring(source.lastIndexOf('/') + 1);
      step = CheckpointFolder.step(name).orElse(0);
      if (step > 0) {
        source =
            source.length() == name.length()
                ? "."
                : source.substring(0, source.length() - name.length() - 1);
      }
    }
    return new CheckpointPlan(
        directory,
        section.interval().orElse(0),
        (long) (section.minutes().orElse(0) * Duration.ofMinutes(1).toMillis()),
        section.keepLast(),
        section.keepEvery(),
        section.failures(),
        source,
        step);
  }

  Optional<String> target() {
    return Optional.ofNullable(directory);
  }

  Optional<String> begin() {
    return Optional.ofNullable(source);
  }

  /**
   * Looks at what is there before anything is begun.
   *
   * @return whether the run has begun before: its own directory holds checkpoints
   * @throws ConfigException if there is none where one was named, or one where none may be
   */
  boolean isBegun(Configuration hadoop) {
    try {
      List<Long> there = source == null ? List.of() : candidates(source, hadoop);
      if (sourceStep > 0 && !there.contains(sourceStep)
          || source != null && !source.equals(directory) && there.isEmpty()) {
        throw new ConfigException(
            "training.resume",
            "there is no checkpoint "
                + (sourceStep > 0 ? CheckpointFolder.name(sourceStep) + " " : "")
                + "in "
                + source
                + ": mend the path, or leave resume away to start anew");
      }
      if (directory != null) {
        requireFree(candidates(directory, hadoop));
      }
      return directory != null && directory.equals(source) && !there.isEmpty();
    } catch (IOException unreadable) {
      throw new ConfigException("training.checkpoint_dir", unreadable.getMessage());
    }
  }

  /** What is taken must not be older than what is there: the newest one is what a run resumes. */
  private void requireFree(List<Long> there) {
    boolean own = directory.equals(source);
    if (!there.isEmpty() && (!own || sourceStep > 0 && there.get(0) > sourceStep)) {
      throw new ConfigException(
          "training.checkpoint_dir",
          directory
              + " holds checkpoints of another run (the newest: "
              + CheckpointFolder.name(there.get(0))
              + "): name another directory"
              + (source == null ? ", or set training.resume to auto to go on with them" : ""));
    }
  }

  private static List<Long> candidates(String path, Configuration hadoop) throws IOException {
    try (CheckpointStore store = HadoopCheckpointStore.of(path, hadoop)) {
      return new CheckpointFolder(store).candidates();
    }
  }

  /** The step to begin after, where one was named. */
  OptionalLong only() {
    return sourceStep == 0 ? OptionalLong.empty() : OptionalLong.of(sourceStep);
  }

  CheckpointPolicy policy() {
    return new CheckpointPolicy(
        interval,
        millis == 0 ? Optional.empty() : Optional.of(Duration.ofMillis(millis)),
        keepLast,
        keepEvery,
        CheckpointPolicy.RETRY_AFTER,
        failures,
        PATIENCE);
  }
}
