package io.kiln.spark.training;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.checkpoint.CheckpointException;
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
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/**
 * Where a run's checkpoints go and where it begins, as its ranks are told. Paths are whole, with
 * their scheme: a rank works in a folder of its own and may have another default file system.
 *
 * @param directory that they go to; null where none are taken
 * @param interval steps between two; 0 for none by steps
 * @param millis time between two; 0 for none by time
 * @param keepLast how many stay
 * @param keepEvery those of multiples of this stay too; 0 for none
 * @param failures in a row that end the run
 * @param source folder of checkpoints to begin from; null to begin anew
 * @param sourceStep the one to take; 0 for the newest
 * @param seen step of the newest that the driver has seen where the run begins; 0 for none
 * @param origin what its first step went on from, where the job named it ({@code training.resume});
 *     null otherwise. Its checkpoints tell it, so that the same job, given again, knows them
 */
record CheckpointPlan(
    String directory,
    long interval,
    long millis,
    int keepLast,
    long keepEvery,
    int failures,
    String source,
    long sourceStep,
    long seen,
    String origin)
    implements Serializable {
  /** Where a manifest tells the {@link #origin}. */
  private static final String ORIGIN = "begun_from";

  /**
   * Of a job; nothing is asked of a store yet.
   *
   * @param output directory of the run
   * @param hadoop its default file system is that of paths without a scheme
   */
  static CheckpointPlan of(CheckpointSection section, String output, Configuration hadoop) {
    String directory =
        section.taken()
            ? whole("training.checkpoint_dir", section.directory(output), hadoop)
            : null;
    String source = directory;
    long step = 0;
    String origin = null;
    if (section.resume().equals(CheckpointSection.NEVER)) {
      source = null;
    } else if (!section.resume().equals(CheckpointSection.AUTO)) {
      Path named = new Path(whole("training.resume", section.resume(), hadoop));
      step = CheckpointFolder.step(named.getName()).orElse(0);
      source = (step > 0 ? named.getParent() : named).toString();
      origin = named.toString();
    }
    return new CheckpointPlan(
        directory,
        section.interval().orElse(0),
        (long) (section.minutes().orElse(0) * Duration.ofMinutes(1).toMillis()),
        section.keepLast(),
        section.keepEvery(),
        section.failures(),
        source,
        step,
        0,
        origin);
  }

  /** Relative paths count from where this process works, which is not where a rank does. */
  private static String whole(String key, String text, Configuration hadoop) {
    try {
      Path path = new Path(text);
      return path.toUri().getScheme() == null
          ? path.getFileSystem(hadoop).makeQualified(path).toString()
          : path.toString();
    } catch (IOException | IllegalArgumentException | UnsupportedOperationException unusable) {
      throw new ConfigException(key, text + " is no path: " + unusable.getMessage());
    }
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
   * @param remark hears that the run goes on from other checkpoints than the named one
   * @return the same, with what was seen
   * @throws ConfigException if there is none where one was named, or one where none may be
   */
  CheckpointPlan look(Configuration hadoop, Consumer<String> remark) {
    try {
      List<Long> own = directory == null ? List.of() : candidates(directory, hadoop);
      Optional<String> begunFrom =
          own.isEmpty() ? Optional.empty() : begunFrom(directory, own, hadoop);
      if (origin != null && begunFrom.equals(Optional.of(origin))) {
        if (!source.equals(directory) || sourceStep > 0 && own.get(0) > sourceStep) {
          remark.accept(
              directory
                  + " holds what this run has taken since it began from "
                  + origin
                  + ": it goes on from there, after step "
                  + own.get(0));
        }
        return from(directory, 0, own.get(0), origin);
      }
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
        requireOwn(directory, hadoop);
      }
      requireFree(own);
      boolean continued = origin == null && source != null;
      return from(
          source,
          sourceStep,
          sourceStep > 0 || there.isEmpty() ? sourceStep : there.get(0),
          continued ? begunFrom.orElse(null) : origin);
    } catch (IOException unreadable) {
      throw new ConfigException("training.checkpoint_dir", unreadable.getMessage());
    }
  }

  private CheckpointPlan from(String begin, long step, long newest, String firstOrigin) {
    return new CheckpointPlan(
        directory,
        interval,
        millis,
        keepLast,
        keepEvery,
        failures,
        begin,
        step,
        newest,
        firstOrigin);
  }

  /** What the run began from that took these checkpoints, as the newest readable one tells. */
  private static Optional<String> begunFrom(String path, List<Long> steps, Configuration hadoop)
      throws IOException {
    try (CheckpointStore store = HadoopCheckpointStore.of(path, hadoop)) {
      CheckpointFolder folder = new CheckpointFolder(store);
      for (long step : steps) {
        try {
          return Optional.ofNullable(folder.manifest(step).content().path(ORIGIN).textValue());
        } catch (CheckpointException damaged) {
          // Its ranks will go back to the one before, and say so.
        }
      }
      return Optional.empty();
    }
  }

  /** Whether the run has begun before: its own directory held checkpoints. */
  boolean isBegun() {
    return seen > 0 && source.equals(directory);
  }

  /**
   * Checks that there is something left to train.
   *
   * @param steps that the run is to have
   */
  void requireBefore(long steps, Configuration hadoop) {
    long newest = seen > steps && sourceStep == 0 ? newestWhole(hadoop) : seen;
    if (newest > steps) {
      throw new ConfigException(
          "training.max_steps",
          "the run goes on after step "
              + newest
              + " of "
              + source
              + " and is to end after step "
              + steps
              + ": let it have more, or begin from an earlier checkpoint (training.resume)");
    }
  }

  /** What its ranks will find damaged they do not begin from; bytes are not read here. */
  private long newestWhole(Configuration hadoop) {
    try (CheckpointStore store = HadoopCheckpointStore.of(source, hadoop)) {
      CheckpointFolder folder = new CheckpointFolder(store);
      for (long step : folder.candidates()) {
        if (folder.isThere(step)) {
          return step;
        }
      }
      return 0;
    } catch (IOException unreadable) {
      throw new ConfigException("training.checkpoint_dir", unreadable.getMessage());
    }
  }

  /** What is taken must not be older than what is there: the newest one is what a run resumes. */
  private void requireFree(List<Long> there) {
    if (there.isEmpty()) {
      return;
    }
    if (directory.equals(source)) {
      if (sourceStep > 0 && there.get(0) > sourceStep) {
        throw new ConfigException(
            "training.resume",
            CheckpointFolder.name(sourceStep)
                + " is not the newest in "
                + directory
                + " ("
                + CheckpointFolder.name(there.get(0))
                + " is), and what follows it would be written over: give the run another"
                + " training.checkpoint_dir, or set training.resume to auto");
      }
    } else {
      throw new ConfigException(
          "training.checkpoint_dir",
          directory
              + " holds checkpoints of another run (the newest: "
              + CheckpointFolder.name(there.get(0))
              + "): name another directory, or go on with them (training.resume=auto)");
    }
  }

  /** Another program's checkpoints would be in the way, and this run's in theirs. */
  private static void requireOwn(String path, Configuration hadoop) throws IOException {
    try (CheckpointStore store = HadoopCheckpointStore.of(path, hadoop)) {
      Optional<String> foreign = new CheckpointFolder(store).foreign();
      if (foreign.isPresent()) {
        throw new ConfigException(
            "training.checkpoint_dir",
            store.location()
                + " holds another program's checkpoints ("
                + foreign.get()
                + "): name a folder of its own");
      }
    }
  }

  private static List<Long> candidates(String path, Configuration hadoop) throws IOException {
    try (CheckpointStore store = HadoopCheckpointStore.of(path, hadoop)) {
      return new CheckpointFolder(store).candidates();
    }
  }

  /** Tells the manifests what the next such job has to know of this one. */
  void tell(ObjectNode manifest) {
    if (origin != null) {
      manifest.put(ORIGIN, origin);
    }
  }

  /** The step to begin after, where one was named. */
  OptionalLong only() {
    return sourceStep == 0 ? OptionalLong.empty() : OptionalLong.of(sourceStep);
  }

  /**
   * @param collectiveTimeout how long a rank waits for the others: one whose checkpoint is written
   *     waits for those whose is not, and must not give them up before they give it up
   */
  CheckpointPolicy policy(Duration collectiveTimeout) {
    return new CheckpointPolicy(
        interval,
        millis == 0 ? Optional.empty() : Optional.of(Duration.ofMillis(millis)),
        keepLast,
        keepEvery,
        CheckpointPolicy.RETRY_AFTER,
        failures,
        collectiveTimeout.multipliedBy(4).dividedBy(5));
  }
}
