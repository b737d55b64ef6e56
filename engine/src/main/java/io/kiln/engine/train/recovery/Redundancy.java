package io.kiln.engine.train.recovery;

import io.kiln.engine.checkpoint.Piece;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.train.Training;
import io.kiln.engine.train.TrainingState;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.PointerScope;

/**
 * Keeps every rank's shard in two processes: after each step a rank copies its own and sends it to
 * the next rank. Two generations alternate, so that of the last two steps one is whole everywhere
 * whenever a process dies: a rank overwrites the older one only in a step that its peers have
 * entered, too.
 */
public final class Redundancy {
  private record Generation(Snapshot own, Snapshot neighbours) {}

  private final KeptShards kept;
  private final Training training;
  private final Communicator communicator;
  private final List<Piece> originals;
  private final List<Generation> generations = new ArrayList<>();

  /**
   * Allocates it, and frees what earlier attempts kept in this process. All ranks call it together,
   * after their training has begun.
   *
   * @param kept holds the copies; outlives this
   * @param attempt greater than that of earlier ranks of the same job
   */
  public Redundancy(KeptShards kept, long attempt, Training training, Communicator communicator) {
    this.kept = kept;
    this.training = training;
    this.communicator = communicator;
    this.originals = training.shardPieces();
    // Who is late may still want what is kept here.
    communicator.barrier();
    kept.dropBefore(attempt);
    int ranks = communicator.size();
    int rank = communicator.rank();
    int neighbour = (rank + ranks - 1) % ranks;
    for (int i = 0; i < 2; i++) {
      generations.add(
          new Generation(
              keep(attempt, ranks, rank, training), keep(attempt, ranks, neighbour, training)));
    }
    keepNow();
  }

  private Snapshot keep(long attempt, int ranks, int shard, Training of) {
    Snapshot snapshot =
        new Snapshot(
            of.shardRuns(shard),
            of.valueNames(),
            elements(of::shardRuns, of.valueNames().size(), ranks));
    if (!kept.add(attempt, ranks, shard, snapshot)) {
      snapshot.close();
      throw new IllegalStateException("the job has ended");
    }
    return snapshot;
  }

  /** The same on every rank, so that what one sends fits the other. */
  static long elements(IntFunction<List<Piece>> runs, int kinds, int ranks) {
    return IntStream.range(0, ranks)
        .mapToLong(rank -> Snapshot.elements(runs.apply(rank), kinds))
        .max()
        .orElse(0);
  }

  /** A step was taken; all ranks call it. */
  public void stepped() {
    keepNow();
  }

  private void keepNow() {
    TrainingState state = training.state();
    Generation generation = generations.get((int) (state.step() % generations.size()));
    kept.set(generation.neighbours(), Optional.empty());
    if (!kept.overwrite(generation.own(), () -> generation.own().take(originals))) {
      throw new IllegalStateException("another attempt has taken over");
    }
    try (PointerScope scope = new PointerScope()) {
      communicator.shift(generation.own().memory(), generation.neighbours().memory()).await();
    }
    kept.set(generation.own(), Optional.of(state));
    kept.set(generation.neighbours(), Optional.of(state));
  }

  /** Bytes of host memory that this rank's copies take. */
  public long bytes() {
    return generations.stream()
        .mapToLong(generation -> generation.own().bytes() + generation.neighbours().bytes())
        .sum();
  }
}
