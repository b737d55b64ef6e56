package io.kiln.datasource.packing;

import io.kiln.datasource.lanes.Lanes;
import io.kiln.datasource.lanes.RankLanes;

/**
 * Cuts a stretch of the corpus into pieces of samples. Stretches may come in any order, from any
 * task; whatever straddles two of them arrives on its rank as two pieces.
 */
public final class SamplePacker {
  private final DataPlan plan;
  private final RankLanes[] ranks;

  public SamplePacker(DataPlan plan) {
    this.plan = plan;
    this.ranks = new RankLanes[plan.ranks()];
    for (int rank = 0; rank < ranks.length; rank++) {
      ranks[rank] = plan.rankLanes(rank);
    }
  }

  /**
   * Cuts the units [offset, offset + count) of the corpus; what lies beyond its end is dropped.
   *
   * @param units their bytes
   * @param offset of the first unit in the whole corpus
   */
  public void cut(byte[] units, int count, long offset, SampleSink sink) {
    Split split = plan.split();
    long training = split.training();
    cut(units, count, offset, false, 0, training, plan.lanes().samples(), sink);
    cut(units, count, offset, true, training, split.units(), plan.evaluationSamples(), sink);
  }

  private void cut(
      byte[] units,
      int count,
      long offset,
      boolean evaluation,
      long begin,
      long end,
      long samples,
      SampleSink sink) {
    long low = Math.max(offset, begin) - begin;
    long high = Math.min(offset + count, end) - begin;
    if (low >= high) {
      return;
    }
    Lanes lanes = plan.lanes();
    SampleShape shape = plan.shape();
    int stride = shape.stride();
    int length = shape.length();
    int unitBytes = shape.unitBytes();
    // Neighbouring samples overlap: the first that holds unit `low` may have begun before it.
    long first = Math.max(0, Math.floorDiv(low - length + stride, stride));
    long last = Math.min(samples - 1, (high - 1) / stride);
    for (long sample = first; sample <= last; sample++) {
      long start = sample * stride;
      long from = Math.max(low, start);
      long to = Math.min(high, start + length);
      if (from >= to) {
        continue;
      }
      int rank;
      long slot;
      if (evaluation) {
        rank = plan.evaluationRank(sample);
        slot = plan.evaluationSlot(sample);
      } else {
        long position = lanes.position(sample);
        int lane = lanes.lane(position);
        rank = lane / ranks[0].count();
        slot = ranks[rank].slot(lane, lanes.place(position));
      }
      sink.piece(
          rank,
          evaluation,
          slot,
          (int) (from - start) * unitBytes,
          units,
          (int) (from + begin - offset) * unitBytes,
          (int) (to - from) * unitBytes);
    }
  }
}
