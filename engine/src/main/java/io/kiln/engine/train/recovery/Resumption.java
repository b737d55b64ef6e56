package io.kiln.engine.train.recovery;

import com.fasterxml.jackson.databind.JsonNode;
import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointManifest;
import io.kiln.engine.checkpoint.NewerFormatException;
import io.kiln.engine.checkpoint.Piece;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.config.ConfigException;
import io.kiln.engine.train.StartingPoint;
import io.kiln.engine.train.TrainingState;
import io.kiln.engine.zero.ShardedParameters;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A training's beginning from the newest checkpoint that is whole. Every rank reads what it owns,
 * whoever wrote it and however it was cut, and checks each byte; if one rank finds damage all go
 * back to the checkpoint before. What the store refuses is no damage: it is tried again, and then
 * the run ends rather than go on from an older checkpoint and write over the newer one.
 *
 * @param folder with the checkpoints
 * @param only the step of the one that is to be taken; empty for the newest
 * @param run what this run is
 * @param communicator that the ranks agree over
 * @param otherwise where to begin if there is no checkpoint at all
 * @param listener hears what was found
 * @param retryAfter pauses after which what the store refuses is tried again
 */
public record Resumption(
    CheckpointFolder folder,
    OptionalLong only,
    RunDescription run,
    Communicator communicator,
    StartingPoint otherwise,
    CheckpointListener listener,
    List<Duration> retryAfter)
    implements StartingPoint {
  private static final long NONE = 0;
  private static final long UNREADABLE = -1;

  public Resumption {
    retryAfter = List.copyOf(retryAfter);
  }

  /** With the usual pauses. */
  public Resumption(
      CheckpointFolder folder,
      OptionalLong only,
      RunDescription run,
      Communicator communicator,
      StartingPoint otherwise,
      CheckpointListener listener) {
    this(folder, only, run, communicator, otherwise, listener, CheckpointPolicy.RETRY_AFTER);
  }

  /** What came of reading a checkpoint: its state, an error of the store, or neither: damage. */
  private record Outcome(Optional<TrainingState> state, Optional<IOException> refused) {}

  @Override
  public TrainingState fill(ShardedParameters parameters) {
    long before = Long.MAX_VALUE;
    while (true) {
      long step = agreedCandidate(before);
      if (step == NONE) {
        if (before == Long.MAX_VALUE && only.isEmpty()) {
          return otherwise.fill(parameters);
        }
        throw new ConfigException(
            "training.resume",
            "no checkpoint in "
                + folder.store().location()
                + " is whole"
                + (only.isPresent() ? " at step " + only.getAsLong() : "")
                + ": name another one, or start anew in another checkpoint_dir");
      }
      Outcome outcome = read(step, parameters);
      double[] unread =
          communicator.sum(
              outcome.state().isPresent() ? 0 : 1, outcome.refused().isPresent() ? 1 : 0);
      if (unread[1] > 0) {
        throw unusable(outcome.refused());
      }
      if (unread[0] == 0) {
        parameters.publish();
        listener.onResume(step, folder.where(step));
        return outcome.state().orElseThrow();
      }
      before = step;
    }
  }

  private StoreUnusableException unusable(Optional<IOException> own) {
    return new StoreUnusableException(
        TextExchange.reason(communicator, own)
            + "; the checkpoints in "
            + folder.store().location()
            + " are as they were: mend the store and resume",
        own.orElse(null));
  }

  private <T> T persistently(Persistence.Work<T> work) throws IOException {
    try {
      return new Persistence(retryAfter, () -> false).of(work);
    } catch (InterruptedException ended) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", ended);
    }
  }

  /** Rank 0 looks: listings may differ between ranks. */
  private long agreedCandidate(long before) {
    long found = NONE;
    Optional<IOException> failure = Optional.empty();
    if (communicator.rank() == 0) {
      try {
        found = persistently(() -> candidate(before));
      } catch (IOException unreadable) {
        failure = Optional.of(unreadable);
        found = UNREADABLE;
      }
    }
    long agreed = (long) communicator.sum(found)[0];
    if (agreed == UNREADABLE) {
      throw unusable(failure);
    }
    return agreed;
  }

  /**
   * A folder without a manifest is what a writer has left that died: no checkpoint. But what {@code
   * latest} names was one, and is damaged if it is none any more.
   */
  private long candidate(long before) throws IOException {
    folder.finishReplacements();
    String latest = folder.latest().orElse("");
    for (long step : folder.folders()) {
      if (step < before
          && step == only.orElse(step)
          && (folder.isPublished(step) || CheckpointFolder.name(step).equals(latest))) {
        return step;
      }
    }
    return NONE;
  }

  private Outcome read(long step, ShardedParameters parameters) {
    try {
      return new Outcome(
          Optional.of(persistently(() -> readOnce(step, parameters))), Optional.empty());
    } catch (NewerFormatException newer) {
      throw new ConfigException(
          "training.resume", newer.getMessage() + ", or start anew in another checkpoint_dir");
    } catch (IOException unread) {
      if (!Persistence.isDamage(unread)) {
        return new Outcome(Optional.empty(), Optional.of(unread));
      }
      listener.onRemark(unread.getMessage() + "; going back to the checkpoint before");
      return new Outcome(Optional.empty(), Optional.empty());
    }
  }

  private TrainingState readOnce(long step, ShardedParameters parameters) throws IOException {
    CheckpointManifest manifest = folder.manifest(step);
    List<Piece> wanted = parameters.ownedPieces();
    requireFitting(manifest, parameters);
    try (Recut shards = new Recut(folder, manifest)) {
      shards.read(wanted, communicator.rank());
    }
    return TrainingState.of(step, manifest.content());
  }

  private void requireFitting(CheckpointManifest manifest, ShardedParameters parameters) {
    String where = folder.where(manifest.step());
    JsonNode content = manifest.content();
    run.requireSame(where, content);
    requireSameParameters(where, content.path(ManifestContent.PARAMETERS), parameters);
    List<String> states = new ArrayList<>();
    content.path(ManifestContent.OPTIMIZER_STATES).forEach(name -> states.add(name.asText()));
    if (!states.equals(parameters.stateNames())) {
      throw new ConfigException(
          "training.resume",
          where
              + " holds the optimizer state "
              + states
              + ", this run's optimizer keeps "
              + parameters.stateNames()
              + ": give it the same optimizer");
    }
  }

  private static void requireSameParameters(
      String where, JsonNode theirs, ShardedParameters parameters) {
    JsonNode ours = ManifestContent.parameters(parameters.specs());
    if (theirs.toString().equals(ours.toString())) {
      return;
    }
    String difference = theirs.size() + " parameters, this one " + ours.size();
    for (int i = 0; i < Math.min(theirs.size(), ours.size()); i++) {
      if (!theirs.get(i).toString().equals(ours.get(i).toString())) {
        difference = shown(theirs.get(i)) + " where this one has " + shown(ours.get(i));
        break;
      }
    }
    throw new ConfigException(
        "training.resume",
        where + " is of another model: it has " + difference + RunDescription.MEND);
  }

  private static String shown(JsonNode parameter) {
    return parameter.path("name").asText() + " " + parameter.path("shape");
  }
}
