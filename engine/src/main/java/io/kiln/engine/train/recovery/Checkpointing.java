package io.kiln.engine.train.recovery;

import io.kiln.engine.checkpoint.CheckpointException;
import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.Piece;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.train.Training;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * Takes checkpoints of a training while it goes on. At a step's border each rank copies its shard
 * and trains on; a thread writes the copy; when all ranks have written, rank 0 makes the manifest,
 * and the checkpoint is there. What the ranks have to agree on they say to each other at step
 * borders, in one small sum. At most one checkpoint is under way: when the next one is due before,
 * the training waits.
 */
public final class Checkpointing implements AutoCloseable {
  private final CheckpointFolder folder;
  private final CheckpointPolicy policy;
  private final Training training;
  private final RunDescription run;
  private final Communicator communicator;
  private final CheckpointListener listener;
  private final BooleanSupplier requested;
  private final List<Piece> originals;
  private final Snapshot snapshot;
  private final CheckpointWriter writer;
  private final String attempt;
  private Optional<CheckpointFlight> flight = Optional.empty();
  private final LongSupplier clock;
  private long lastBegun;
  private long lastWhole = -1;
  private int failures;
  private int begins;

  /**
   * Allocates the copy. All ranks call it together.
   *
   * @param training whose checkpoints are taken; closed after this
   * @param requested whether somebody asks this rank for a checkpoint now; asked once a step
   */
  public Checkpointing(
      CheckpointFolder folder,
      CheckpointPolicy policy,
      Training training,
      RunDescription run,
      Communicator communicator,
      CheckpointListener listener,
      BooleanSupplier requested) {
    this(folder, policy, training, run, communicator, listener, requested, System::nanoTime);
  }

  /** With another clock than the system's; in nanoseconds. */
  Checkpointing(
      CheckpointFolder folder,
      CheckpointPolicy policy,
      Training training,
      RunDescription run,
      Communicator communicator,
      CheckpointListener listener,
      BooleanSupplier requested,
      LongSupplier clock) {
    this.folder = folder;
    this.policy = policy;
    this.training = training;
    this.run = run;
    this.communicator = communicator;
    this.listener = listener;
    this.requested = requested;
    this.clock = clock;
    this.lastBegun = clock.getAsLong();
    // 48 bits: exact in the sum, and no two attempts of a run draw the same.
    long drawn = communicator.rank() == 0 ? ThreadLocalRandom.current().nextLong(1L << 48) : 0;
    this.attempt = Long.toHexString((long) communicator.sum(drawn)[0]);
    this.originals = training.shardPieces();
    List<String> kinds = training.valueNames();
    this.snapshot = new Snapshot(originals, kinds, Snapshot.elements(originals, kinds.size()));
    this.writer = new CheckpointWriter(folder, policy, communicator.rank());
  }

  /** Bytes of host memory that the copy takes. */
  public long bytes() {
    return snapshot.bytes();
  }

  /** A step was taken; all ranks call it. Takes a checkpoint where one is due. */
  public void stepped() {
    writer.takeRemarks().forEach(listener::onRemark);
    long now = clock.getAsLong();
    long step = training.steps();
    boolean late =
        communicator.rank() == 0
            && policy.period().filter(p -> now - lastBegun >= p.toNanos()).isPresent();
    double[] said =
        communicator.sum(
            number(late),
            number(requested.getAsBoolean()),
            number(flight.map(CheckpointFlight::done).orElse(false)));
    boolean due = policy.dueAfter(step) || said[0] > 0 || said[1] > 0;
    if (flight.isPresent() && (due || said[2] == communicator.size())) {
      if (due) {
        land();
      } else {
        advance();
      }
    }
    if (due) {
      begin(step, now);
    }
  }

  private static double number(boolean truth) {
    return truth ? 1 : 0;
  }

  /** Takes a checkpoint now, unless there is one of this step, and waits for it. All ranks. */
  public void take() {
    land();
    if (lastWhole != training.steps()) {
      begin(training.steps(), clock.getAsLong());
      land();
    }
    // Older ones that are too many go before the end does.
    writer.settle();
    writer.takeRemarks().forEach(listener::onRemark);
  }

  private void begin(long step, long begun) {
    lastBegun = begun;
    snapshot.take(originals);
    // A second try at the same step shares nothing with what is left of the first.
    begins++;
    String draft = folder.store().draft(CheckpointFolder.name(step), attempt + "-" + begins);
    CheckpointFlight begins =
        new CheckpointFlight(
            step,
            draft,
            ManifestContent.of(training, run, communicator.size()),
            begun,
            writer.write(draft, fileOf(communicator.rank()), snapshot.pieces()));
    begins.waited(clock.getAsLong() - begun);
    flight = Optional.of(begins);
  }

  private String fileOf(int rank) {
    return CheckpointFolder.shard(rank, attempt + "-" + begins);
  }

  /** Waits until no checkpoint is under way. All ranks call it. */
  public void land() {
    while (flight.isPresent()) {
      // On every rank: who has written waits for those that have not.
      listener.onWait(flight.get().step());
      advance();
    }
  }

  /** Waits for this rank's part of what is under way; then all go on to what comes next. */
  private void advance() {
    CheckpointFlight now = flight.orElseThrow();
    long begin = clock.getAsLong();
    Optional<IOException> failure = now.await(policy.patience());
    failure.ifPresent(
        e ->
            listener.onRemark(
                "the checkpoint of step "
                    + now.step()
                    + " could not be written: "
                    + e.getMessage()));
    if (communicator.sum(number(failure.isPresent()))[0] > 0) {
      flight = Optional.empty();
      failed(now, failure);
      return;
    }
    if (now.published()) {
      failures = 0;
      flight = Optional.empty();
      now.waited(clock.getAsLong() - begin);
      lastWhole = now.step();
      if (communicator.rank() == 0) {
        writer.pointTo(now.step());
        writer.prune(now.step());
      }
      listener.onCheckpoint(now.report(clock.getAsLong()));
      return;
    }
    now.gathered(ShardExchange.gather(communicator, now.shard(), this::fileOf));
    now.publishing(communicator.rank() == 0 ? Optional.of(writer.publish(now)) : Optional.empty());
    now.waited(clock.getAsLong() - begin);
  }

  private void failed(CheckpointFlight lost, Optional<IOException> own) {
    failures++;
    String reason = TextExchange.reason(communicator, own);
    if (!lost.published()) {
      writer.discard(lost.step(), lost.draft(), fileOf(communicator.rank()));
    } else if (communicator.rank() == 0) {
      writer.withdraw(lost);
    }
    if (failures >= policy.failures()) {
      if (lost.done()) {
        writer.settle();
      }
      throw new CheckpointsFailedException(
          new CheckpointException(
              folder.store().location(),
              failures
                  + " checkpoints in a row could not be written, the last one: "
                  + reason
                  + "; earlier ones are untouched: mend the store and resume",
              own.orElse(null)));
    }
  }

  /** Stops writing, and frees the copy. What is under way and not published is no checkpoint. */
  @Override
  public void close() {
    if (writer.stop()) {
      snapshot.close();
    }
  }
}
