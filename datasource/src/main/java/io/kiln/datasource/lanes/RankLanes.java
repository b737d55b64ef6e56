package io.kiln.datasource.lanes;

import io.kiln.datasource.DataException;
import java.io.Serializable;

/**
 * The lanes of one rank: [rank·B/ranks, (rank+1)·B/ranks), and where their samples lie in its
 * store. Slots go place by place, so that an unshuffled pass reads the store from front to back.
 * Micro-batch k takes the lanes [k·microBatch, (k+1)·microBatch) of them.
 *
 * @param lanes of the whole global batch
 * @param rank among those that hold different data, from 0
 * @param ranks how many those are
 * @param microBatch rows that go through the model at once
 */
public record RankLanes(Lanes lanes, int rank, int ranks, int microBatch) implements Serializable {
  public RankLanes {
    if (ranks < 1 || rank < 0 || rank >= ranks) {
      throw new DataException("No rank " + rank + " among " + ranks);
    }
    if (microBatch < 1 || lanes.globalBatch() % ((long) ranks * microBatch) != 0) {
      throw new DataException(
          "A global batch of "
              + lanes.globalBatch()
              + " does not divide into micro-batches of "
              + microBatch
              + " on "
              + ranks
              + " ranks: train_batch_size must be micro-batch * accumulation * ranks");
    }
  }

  /** The first lane of this rank, which is also its first row in the global batch. */
  public int first() {
    return count() * rank;
  }

  /** How many lanes this rank owns. */
  public int count() {
    return lanes.globalBatch() / ranks;
  }

  /** Micro-batches a step. */
  public int accumulation() {
    return count() / microBatch;
  }

  /** Samples in the lanes of this rank. */
  public long slots() {
    long longer = lanes.samples() % lanes.globalBatch() - first();
    return lanes.stepsPerEpoch() * count() + Math.max(0, Math.min(count(), longer));
  }

  /**
   * Where the sample at a place of a lane lies, in [0, slots()).
   *
   * @param lane of the whole global batch, one of this rank's
   */
  public long slot(int lane, long place) {
    return place * count() + (lane - first());
  }
}
