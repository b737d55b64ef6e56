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
 * its {@linkplain Neighbours neighbour}. Two generations alternate, so that of the last two steps
 * one is whole everywhere whenever a process dies: a rank overwrites the older one only in a step
 * that its peers have entered, too.
 */
public final class Redundancy {
  private record Generation(Snapshot own, Snapshot neighbours) {}

  private final KeptShards kept;
  private final Training training;
  private final Communicator communicator;
  private final Neighbours neighbours;
  private final List<Piece> originals;
  private final List<Generation> generations = new ArrayList<>();

  /**
   * Allocates it, and frees what earlier attempts kept in this process. All ranks call it together,
   * after their training has begun.
   *
   * @param kept holds the copies; outlives this
   * @param attempt greater than that of earlier ranks of the same job
   * @param process that this rank lives and dies with: a name that its other ranks give, too, and
   *     those of other processes do not
   * @param listener hears, on rank 0, where a shard has no second process
   */
  public Redundancy(
      KeptShards kept,
      long attempt,
      String process,
      Training training,
      Communicator communicator,
      CheckpointListener listener) {
    this.kept = kept;
    this.training = training;
    this.communicator = communicator;
    this.originals = training.shardPieces();
    List<String> processes = TextExchange.gather(communicator, process);
    this.neighbours = Neighbours.of(processes);
    long together = neighbours.together(processes);
    if (together > 0 && communicator.rank() == 0) {
      listener.onRemark(
          "redundancy: "
              + together
              + " of "
              + processes.size()
              + " ranks have their shard in one process only, because it has more than half of all"
              + " ranks; after its death the run goes on from a checkpoint: spread the ranks over"
              + " more executors");
    }
    // Who is late may still want what is kept here.
    communicator.barrier();
    kept.dropBefore(attempt);
    int ranks = communicator.size();
    int rank = communicator.rank();
    int neighbour = neighbours.kept(rank);
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
    if (!kept.whileHeld(
        List.of(generation.own(), generation.neighbours()), () -> exchange(generation))) {
      throw new IllegalStateException("another attempt has taken over");
    }
    kept.set(generation.own(), Optional.of(state));
    kept.set(generation.neighbours(), Optional.of(state));
  }

  private void exchange(Generation generation) {
    int rank = communicator.rank();
    try (PointerScope scope = new PointerScope()) {
      communicator
          .pass(
              generation.own().memory(),
              neighbours.keeper(rank),
              generation.neighbours().memory(),
              neighbours.kept(rank))
          .await();
    }
  }

  /** Bytes of host memory that this rank's copies take. */
  public long bytes() {
    return generations.stream()
        .mapToLong(generation -> generation.own().bytes() + generation.neighbours().bytes())
        .sum();
  }
}
