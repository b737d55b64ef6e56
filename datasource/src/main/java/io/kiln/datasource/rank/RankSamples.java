package io.kiln.datasource.rank;

import io.kiln.datasource.DataException;
import io.kiln.datasource.lanes.RankLanes;
import io.kiln.datasource.packing.DataPlan;
import io.kiln.datasource.packing.PieceBuffer;
import io.kiln.datasource.packing.SamplePacker;
import io.kiln.datasource.packing.SampleShape;
import io.kiln.datasource.packing.SampleSink;
import io.kiln.datasource.packing.TokenSamples;
import io.kiln.engine.train.BatchSource;
import io.kiln.engine.train.EvaluationSource;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * All samples of one rank outside the heap, in memory or, when there are too many, in a mapped
 * file: first those of its training lanes, then its share of the evaluation. Close it after the
 * sources that it gave.
 */
public final class RankSamples implements AutoCloseable {
  private final DataPlan plan;
  private final RankLanes lanes;
  private final NativeBytes bytes;

  private RankSamples(DataPlan plan, RankLanes lanes, NativeBytes bytes) {
    this.plan = plan;
    this.lanes = lanes;
    this.bytes = bytes;
  }

  /**
   * Takes in what Spark's shuffle brought.
   *
   * @param rank that holds it
   * @param records of partition {@code rank} of the packed data set, each read once
   * @throws DataException if they are not exactly the samples of that rank
   */
  public static RankSamples load(
      DataPlan plan, int rank, Iterator<byte[]> records, SampleStorage storage) {
    return fill(
        plan,
        rank,
        storage,
        sink -> {
          while (records.hasNext()) {
            PieceBuffer.read(records.next(), rank, sink);
          }
        });
  }

  /**
   * Takes a rank's samples straight from the joined corpus, without Spark.
   *
   * @param plan for {@link TokenSamples}
   * @param tokens as many as the plan's split has
   */
  public static RankSamples ofTokens(DataPlan plan, int rank, int[] tokens, SampleStorage storage) {
    TokenSamples shape = (TokenSamples) plan.shape();
    return ofUnits(plan, rank, shape.width().pack(tokens), storage);
  }

  /**
   * Takes a rank's samples from the units of the corpus as they travel: tokens of {@link
   * TokenSamples#width}, or rows of features and labels.
   */
  public static RankSamples ofUnits(DataPlan plan, int rank, byte[] units, SampleStorage storage) {
    return fill(
        plan,
        rank,
        storage,
        sink ->
            new SamplePacker(plan)
                .cut(
                    units,
                    units.length / plan.shape().unitBytes(),
                    0,
                    (owner, evaluation, slot, at, source, from, count) -> {
                      if (owner == rank) {
                        sink.piece(owner, evaluation, slot, at, source, from, count);
                      }
                    }));
  }

  private interface Filling {
    void into(SampleSink sink);
  }

  private static RankSamples fill(DataPlan plan, int rank, SampleStorage storage, Filling filling) {
    RankLanes lanes = plan.rankLanes(rank);
    long sampleBytes = plan.shape().sampleBytes();
    long slots = lanes.slots();
    long evaluationSlots = plan.evaluationSlots(rank);
    long size = plan.storedBytes(rank);
    NativeBytes bytes =
        size <= storage.memoryLimit()
            ? NativeBytes.memory(size)
            : NativeBytes.file(storage.directory(), size);
    try {
      long[] arrived = {0};
      filling.into(
          (owner, evaluation, slot, at, source, from, count) -> {
            long position = (evaluation ? slots + slot : slot) * sampleBytes + at;
            if (slot >= (evaluation ? evaluationSlots : slots) || at + count > sampleBytes) {
              throw new DataException(
                  "Sample slot " + slot + " does not exist on rank " + rank + ": another plan?");
            }
            bytes.write(position, source, from, count);
            arrived[0] += count;
          });
      long expected = slots * sampleBytes + evaluationBytes(plan, rank, evaluationSlots);
      if (arrived[0] != expected) {
        throw new DataException(
            "Rank "
                + rank
                + " got "
                + arrived[0]
                + " bytes of samples where "
                + expected
                + " belong: the source changed while it was read?");
      }
      return new RankSamples(plan, lanes, bytes);
    } catch (RuntimeException | Error e) {
      bytes.close();
      throw e;
    }
  }

  private static long evaluationBytes(DataPlan plan, int rank, long slots) {
    if (slots == 0) {
      return 0;
    }
    // Only the last sample of the split may be partial, and it can only be a rank's last one.
    SampleShape shape = plan.shape();
    long units = plan.evaluationUnits(plan.evaluationSample(rank, slots - 1));
    return ((slots - 1) * shape.length() + units) * shape.unitBytes();
  }

  /** What these samples are of. */
  public DataPlan plan() {
    return plan;
  }

  /** Bytes held, in memory or in the file. */
  public long size() {
    return bytes.size();
  }

  /** Whether they lie in a file. */
  public boolean spilled() {
    return bytes.spilled();
  }

  /**
   * The training micro-batches of this rank.
   *
   * @param firstStep that will be asked for, from 1
   * @param ahead steps that are made ready while the current one runs, at least 1
   */
  public BatchSource batches(long firstStep, int ahead) {
    return new SampleBatchSource(this, firstStep, ahead);
  }

  /** The validation split's micro-batches of this rank; none if there is no such split. */
  public Optional<EvaluationSource> evaluation() {
    return plan.evaluationSamples() == 0
        ? Optional.empty()
        : Optional.of(new SampleEvaluationSource(this));
  }

  RankLanes lanes() {
    return lanes;
  }

  /** Index in the store of a sample of a training lane. */
  long trainingIndex(int lane, long place) {
    return lanes.slot(lane, place);
  }

  /** Index in the store of an evaluation slot. */
  long evaluationIndex(long slot) {
    return lanes.slots() + slot;
  }

  NativeBytes bytes() {
    return bytes;
  }

  /** Tensors for one micro-batch, of this store's samples. */
  MicroBatchBuffer newBuffer() {
    return MicroBatchBuffer.of(plan, bytes);
  }

  /** So many of them. */
  List<MicroBatchBuffer> newBuffers(int count) {
    return IntStream.range(0, count).mapToObj(i -> newBuffer()).toList();
  }

  @Override
  public void close() {
    bytes.close();
  }
}
