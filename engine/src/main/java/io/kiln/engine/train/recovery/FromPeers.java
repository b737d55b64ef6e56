package io.kiln.engine.train.recovery;

import io.kiln.engine.checkpoint.Piece;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.optim.LossScaleState;
import io.kiln.engine.train.StartingPoint;
import io.kiln.engine.train.TrainingState;
import io.kiln.engine.train.recovery.KeptShards.Kept;
import io.kiln.engine.zero.ShardedParameters;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.PointerScope;

/**
 * A training's beginning from what the processes of its ranks have kept in memory: the newest step
 * of which every shard is still somewhere. Where there is none, because too many died or their
 * number changed, it begins as it would without.
 *
 * @param kept in this process
 * @param communicator of the new ranks
 * @param otherwise where to begin then
 * @param listener hears what was found
 */
public record FromPeers(
    KeptShards kept,
    Communicator communicator,
    StartingPoint otherwise,
    CheckpointListener listener)
    implements StartingPoint {
  /** Where every shard of a step lies: the rank that holds it, in the order of the shards. */
  private record Found(long step, int[] holders) {}

  @Override
  public TrainingState fill(ShardedParameters parameters) {
    List<Kept> here = kept.whole(communicator.size());
    Optional<Found> found = find(here);
    if (found.isEmpty()) {
      return otherwise.fill(parameters);
    }
    List<Piece> wanted = parameters.ownedPieces();
    for (int shard = 0; shard < communicator.size(); shard++) {
      fetch(shard, found.get(), here, wanted, parameters);
    }
    TrainingState state = agreedState(found.get(), here);
    parameters.publish();
    listener.onResume(state.step(), "the memory of the ranks");
    return state;
  }

  private Optional<Found> find(List<Kept> here) {
    int size = communicator.size();
    // A rank knows of two steps at the most, and its peers of no others.
    double[] steps = new double[2 * size];
    long[] known =
        here.stream()
            .mapToLong(one -> one.state().orElseThrow().step())
            .distinct()
            .sorted()
            .toArray();
    for (int i = 0; i < Math.min(2, known.length); i++) {
      // One more: a training that has taken no step is kept, too.
      steps[2 * communicator.rank() + i] = known[known.length - 1 - i] + 1;
    }
    long[] candidates =
        Arrays.stream(communicator.sum(steps))
            .mapToLong(step -> (long) step)
            .filter(step -> step > 0)
            .distinct()
            .sorted()
            .toArray();
    for (int i = candidates.length - 1; i >= 0; i--) {
      Optional<Found> found = holders(candidates[i] - 1, here);
      if (found.isPresent()) {
        return found;
      }
    }
    return Optional.empty();
  }

  private Optional<Found> holders(long step, List<Kept> here) {
    int size = communicator.size();
    double[] holds = new double[size * size];
    for (Kept one : here) {
      if (one.isOf(step, size)) {
        holds[one.shard() * size + communicator.rank()] = 1;
      }
    }
    double[] all = communicator.sum(holds);
    int[] holders = new int[size];
    for (int shard = 0; shard < size; shard++) {
      int row = shard * size;
      // Who wants it most spares the message.
      OptionalInt holder =
          all[row + shard] > 0
              ? OptionalInt.of(shard)
              : IntStream.range(0, size).filter(rank -> all[row + rank] > 0).findFirst();
      if (holder.isEmpty()) {
        return Optional.empty();
      }
      holders[shard] = holder.getAsInt();
    }
    return Optional.of(new Found(step, holders));
  }

  private void fetch(
      int shard, Found found, List<Kept> here, List<Piece> wanted, ShardedParameters parameters) {
    int holder = found.holders()[shard];
    Optional<Kept> own =
        here.stream()
            .filter(one -> one.shard() == shard && one.isOf(found.step(), communicator.size()))
            .findFirst();
    boolean everyone = parameters.ownsEverything();
    if (!everyone && holder == shard) {
      // The one rank that wants it has it.
      own.ifPresent(
          one -> {
            if (communicator.rank() == shard) {
              one.snapshot().give(wanted);
            }
          });
      return;
    }
    boolean wants = everyone || communicator.rank() == shard;
    if (communicator.rank() == holder) {
      try (PointerScope scope = new PointerScope()) {
        communicator.broadcast(own.orElseThrow().snapshot().memory(), holder).await();
      }
      if (wants) {
        own.get().snapshot().give(wanted);
      }
      return;
    }
    try (Snapshot arriving =
            new Snapshot(
                parameters.shardRuns(shard),
                parameters.valueNames(),
                Redundancy.elements(
                    parameters::shardRuns, parameters.valueNames().size(), communicator.size()));
        PointerScope scope = new PointerScope()) {
      communicator.broadcast(arriving.memory(), holder).await();
      if (wants) {
        arriving.give(wanted);
      }
    }
  }

  /** The first holder tells it to those who were not there. */
  private TrainingState agreedState(Found found, List<Kept> here) {
    double[] told = new double[5];
    if (communicator.rank() == found.holders()[0]) {
      TrainingState state =
          here.stream()
              .filter(one -> one.isOf(found.step(), communicator.size()))
              .findFirst()
              .orElseThrow()
              .state()
              .orElseThrow();
      told[0] = state.applied();
      state
          .lossScale()
          .ifPresent(
              scale -> {
                told[1] = 1;
                told[2] = scale.scale();
                told[3] = scale.cleanSteps();
                told[4] = scale.hysteresis();
              });
    }
    double[] heard = communicator.sum(told);
    return new TrainingState(
        found.step(),
        (long) heard[0],
        heard[1] > 0
            ? Optional.of(new LossScaleState(heard[2], (long) heard[3], (int) heard[4]))
            : Optional.empty());
  }
}
