package io.kiln.datasource.packing;

import io.kiln.datasource.DataException;
import io.kiln.datasource.lanes.Lanes;
import io.kiln.datasource.lanes.RankLanes;
import java.io.Serializable;

/**
 * Everything that says which unit of the corpus lies where on which rank; small, and the same on
 * the driver and on every rank.
 *
 * <p>Training samples follow {@link Lanes}. Evaluation samples stay in file order: the j-th
 * micro-batches of all ranks together are samples [j·m·ranks, (j+1)·m·ranks), rank r taking the
 * r-th m of them, so that the first so many global batches are the same samples on any number of
 * ranks.
 *
 * @param shape what a sample is
 * @param split where training ends and validation begins
 * @param lanes of the training samples
 * @param ranks that hold different data
 * @param microBatch m, rows that go through the model at once
 */
public record DataPlan(SampleShape shape, Split split, Lanes lanes, int ranks, int microBatch)
    implements Serializable {
  public DataPlan {
    new RankLanes(lanes, 0, ranks, microBatch);
    if (lanes.samples() != shape.wholeSamples(split.training())) {
      throw new IllegalArgumentException(
          lanes.samples() + " samples in the lanes of " + split + " as " + shape);
    }
  }

  /**
   * Plans a run.
   *
   * @param globalBatch samples of a step, all ranks together
   * @param seed of the run
   * @param shuffle false for file order
   * @throws DataException if the training split has less than one sample, or than one global batch
   */
  public static DataPlan of(
      SampleShape shape,
      Split split,
      int globalBatch,
      int microBatch,
      int ranks,
      long seed,
      boolean shuffle) {
    long samples = shape.wholeSamples(split.training());
    if (samples == 0) {
      String unit = shape instanceof TokenSamples ? "tokens" : "rows";
      String sample =
          shape instanceof TokenSamples tokens
              ? " for one sample of data.sequence_length " + tokens.sequenceLength()
              : "";
      throw new DataException(
          "The corpus is too short: "
              + split.training()
              + " training "
              + unit
              + " found (of "
              + split.units()
              + " in all), "
              + shape.length()
              + " needed"
              + sample);
    }
    if (split.validation() > 0 && shape.samplesWithTargets(split.validation()) == 0) {
      throw new DataException(
          "data.validation_fraction leaves "
              + split.validation()
              + " of "
              + split.units()
              + " tokens for validation, 2 needed: raise it, or set it to 0");
    }
    return new DataPlan(
        shape, split, new Lanes(samples, globalBatch, seed, shuffle), ranks, microBatch);
  }

  /** The lanes of one rank. */
  public RankLanes rankLanes(int rank) {
    return new RankLanes(lanes, rank, ranks, microBatch);
  }

  /** Samples of the validation split, the last one perhaps partial. */
  public long evaluationSamples() {
    return shape.samplesWithTargets(split.validation());
  }

  /** Micro-batches of a whole evaluation, the same on every rank. */
  public long evaluationMicroBatches() {
    long together = (long) microBatch * ranks;
    return (evaluationSamples() + together - 1) / together;
  }

  /** The rank that an evaluation sample lives on. */
  public int evaluationRank(long sample) {
    return (int) (sample / microBatch % ranks);
  }

  /** Where an evaluation sample lies on its rank, from 0. */
  public long evaluationSlot(long sample) {
    return sample / ((long) microBatch * ranks) * microBatch + sample % microBatch;
  }

  /** The evaluation sample in a slot of a rank; may lie beyond the last one. */
  public long evaluationSample(int rank, long slot) {
    return (slot / microBatch * ranks + rank) * microBatch + slot % microBatch;
  }

  /** Evaluation samples that live on a rank. */
  public long evaluationSlots(int rank) {
    long together = (long) microBatch * ranks;
    long whole = evaluationSamples() / together;
    long rest = evaluationSamples() % together - (long) rank * microBatch;
    return whole * microBatch + Math.max(0, Math.min(microBatch, rest));
  }

  /** Units that an evaluation sample has: fewer than a whole sample's only in the last one. */
  public long evaluationUnits(long sample) {
    return Math.min(shape.length(), split.validation() - sample * shape.stride());
  }

  /** Bytes of samples that a rank keeps outside the heap, or in a file. */
  public long storedBytes(int rank) {
    return Math.multiplyExact(
        rankLanes(rank).slots() + evaluationSlots(rank), (long) shape.sampleBytes());
  }
}
