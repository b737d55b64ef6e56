package io.kiln.datasource.lanes;

import io.kiln.datasource.DataException;
import java.io.Serializable;

/**
 * Which samples a step is made of. With a global batch of B there are B lanes, and every sample has
 * one lane and one place in it for good: by a bijection that the seed names when shuffled, by index
 * modulo B and index div B when not. Step s takes the next sample of every lane, so what it sees
 * depends on (seed, s) alone. An epoch shuffles inside each lane, by (seed, epoch, lane), so that
 * no epoch moves a sample from one rank to another.
 *
 * <p>An epoch has floor(samples / B) steps. The first samples mod B lanes are one place longer than
 * that; shuffled, the place that an epoch leaves out differs from epoch to epoch, so that no sample
 * is left out for ever. Within an epoch no sample appears twice.
 *
 * @param samples of the training split
 * @param globalBatch samples of one step, all ranks and micro-batches together
 * @param seed of the run
 * @param shuffle false: step s is samples (s-1)·B to s·B-1 in file order, epoch after epoch
 */
public record Lanes(long samples, int globalBatch, long seed, boolean shuffle)
    implements Serializable {
  private static final long ACROSS = 0x6c616e6573L;
  private static final long WITHIN = 0x65706f6368L;

  public Lanes {
    if (globalBatch < 1) {
      throw new DataException("The global batch is " + globalBatch + ": it must be at least 1");
    }
    if (samples < globalBatch) {
      throw new DataException(
          "The training split has "
              + samples
              + " samples, fewer than one global batch of "
              + globalBatch
              + ": lower train_batch_size or give more data");
    }
  }

  /** Steps until every lane has given floor(samples / globalBatch) samples. */
  public long stepsPerEpoch() {
    return samples / globalBatch;
  }

  /**
   * The epoch that a step lies in, from 0.
   *
   * @param step from 1
   */
  public long epoch(long step) {
    return (step - 1) / stepsPerEpoch();
  }

  /** How many samples a lane has: {@link #stepsPerEpoch} or one more. */
  public long length(int lane) {
    return stepsPerEpoch() + (lane < samples % globalBatch ? 1 : 0);
  }

  /**
   * A sample's seat: lane and place in one number of [0, samples). A bijection, computed without a
   * table.
   */
  public long position(long sample) {
    return shuffle ? IndexPermutation.apply(sample, samples, acrossKey()) : sample;
  }

  /** The lane of a position. */
  public int lane(long position) {
    return (int) (position % globalBatch);
  }

  /** The place of a position in its lane, in [0, length(lane)). */
  public long place(long position) {
    return position / globalBatch;
  }

  /**
   * The place of the sample that a lane gives to a step.
   *
   * @param step from 1
   */
  public long placeAt(long step, int lane) {
    long steps = stepsPerEpoch();
    long within = (step - 1) % steps;
    if (!shuffle) {
      return within;
    }
    long epoch = (step - 1) / steps;
    long key =
        IndexPermutation.mix(
            IndexPermutation.mix(IndexPermutation.mix(seed ^ WITHIN) + epoch) + lane);
    return IndexPermutation.apply(within, length(lane), key);
  }

  private long acrossKey() {
    return IndexPermutation.mix(seed ^ ACROSS);
  }
}
