package io.kiln.engine.zero;

import io.kiln.engine.comm.Communicator;
import io.kiln.engine.comm.Pending;
import org.bytedeco.pytorch.Tensor;

/**
 * A gradient whose reduced shards go back to every rank, because every rank updates everything.
 * Reduce-scatter and all-gather make an all-reduce with the same bits as the sharded stages.
 */
final class ReplicatedGradients implements GradientFlow {
  private final GradientFlow reduced;
  private final Tensor shard;
  private final Tensor whole;
  private final Communicator communicator;
  private Pending arriving = Pending.DONE;

  /**
   * @param reduced the way to the shard
   * @param shard {@code [shardElements]} fp32: this rank's part of {@code whole}
   * @param whole {@code [elements]} fp32: what the optimizer reads
   */
  ReplicatedGradients(GradientFlow reduced, Tensor shard, Tensor whole, Communicator communicator) {
    this.reduced = reduced;
    this.shard = shard;
    this.whole = whole;
    this.communicator = communicator;
  }

  @Override
  public void ready(boolean first, boolean last) {
    reduced.ready(first, last);
  }

  @Override
  public void finish() {
    reduced.finish();
    arriving = communicator.allGather(shard, whole);
  }

  @Override
  public void settle() {
    arriving.await();
    arriving = Pending.DONE;
  }
}
