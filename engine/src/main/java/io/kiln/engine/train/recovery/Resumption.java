package io.kiln.engine.train.recovery;

import com.fasterxml.jackson.databind.JsonNode;
import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointManifest;
import io.kiln.engine.checkpoint.Piece;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.config.ConfigException;
import io.kiln.engine.train.StartingPoint;
import io.kiln.engine.train.TrainingState;
import io.kiln.engine.zero.ShardedParameters;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A training's beginning from the newest checkpoint that is whole. Every rank reads what it owns,
 * whoever wrote it and however it was cut, and checks each byte; if one rank finds damage all go
 * back to the checkpoint before.
 *
 * @param folder with the checkpoints
 * @param only the step of the one that is to be taken; empty for the newest
 * @param run what this run is
 * @param communicator that the ranks agree over
 * @param otherwise where to begin if there is no checkpoint at all
 * @param listener hears what was found
 */
public record Resumption(
    CheckpointFolder folder,
    OptionalLong only,
    RunDescription run,
    Communicator communicator,
    StartingPoint otherwise,
    CheckpointListener listener)
    implements StartingPoint {
  private static final long NONE = 0;
  private static final long UNREADABLE = -1;

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
      Optional<TrainingState> state = read(step, parameters);
      double failed = communicator.sum(state.isPresent() ? 0 : 1)[0];
      if (failed == 0) {
        parameters.publish();
        listener.onResume(step, folder.where(step));
        return state.orElseThrow();
      }
      before = step;
    }
  }

  /** Rank 0 looks: listings may differ between ranks. */
  private long agreedCandidate(long before) {
    long found = NONE;
    IOException failure = null;
    if (communicator.rank() == 0) {
      try {
        found =
            folder.candidates().stream()
                .filter(step -> step < before && step == only.orElse(step))
                .findFirst()
                .orElse(NONE);
      } catch (IOException unreadable) {
        failure = unreadable;
        found = UNREADABLE;
      }
    }
    long agreed = (long) communicator.sum(found)[0];
    if (failure != null) {
      throw new UncheckedIOException(failure.getMessage(), failure);
    }
    if (agreed == UNREADABLE) {
      throw new UncheckedIOException(
          new IOException(folder.store().location() + " cannot be read by rank 0"));
    }
    return agreed;
  }

  private Optional<TrainingState> read(long step, ShardedParameters parameters) {
    try {
      CheckpointManifest manifest = folder.manifest(step);
      List<Piece> wanted = parameters.ownedPieces();
      requireFitting(manifest, parameters);
      try (Recut shards = new Recut(folder, manifest)) {
        shards.read(wanted, communicator.rank());
      }
      return Optional.of(TrainingState.of(step, manifest.content()));
    } catch (IOException damaged) {
      listener.onRemark(damaged.getMessage() + "; going back to the checkpoint before");
      return Optional.empty();
    }
  }

  private void requireFitting(CheckpointManifest manifest, ShardedParameters parameters) {
    String where = folder.where(manifest.step());
    JsonNode content = manifest.content();
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
    run.requireSame(where, content);
  }

  private static void requireSameParameters(
      String where, JsonNode theirs, ShardedParameters parameters) {
    JsonNode ours = ManifestContent.parameters(parameters.specs());
    if (theirs.toString().equals(ours.toString())) {
      return;
    }
    String difference = "has " + theirs.size() + " parameters, this one " + ours.size();
    for (int i = 0; i < Math.min(theirs.size(), ours.size()); i++) {
      if (!theirs.get(i).toString().equals(ours.get(i).toString())) {
        difference = "has " + theirs.get(i) + " where this one has " + ours.get(i);
        break;
      }
    }
    throw new ConfigException("training.resume", where + " is of another model: it " + difference);
  }
}
