package io.kiln.engine.zero;

import io.kiln.engine.comm.Communicator;
import io.kiln.engine.comm.Pending;
import org.bytedeco.pytorch.Tensor;

/**
 * A whole copy whose foreign parts are renewed once a step. The shards leave right after the update
 * and arrive when the next forward wants them, so the exchange hides behind the first blocks.
 */
final class RefreshedCopy implements WorkingCopy {
  private final Tensor flat;
  private final Tensor masterShard;
  private final Communicator communicator;
  private Pending arriving = Pending.DONE;

  /**
   * @param flat {@code [elements]}, working dtype
   * @param masterShard {@code [shardElements]} fp32; this rank's part of {@code flat} itself where
   *     the working dtype is fp32
   */
  RefreshedCopy(Tensor flat, Tensor masterShard, Communicator communicator) {
    this.flat = flat;
    this.masterShard = masterShard;
    this.communicator = communicator;
  }

  @Override
  public Tensor flat() {
    return flat;
  }

  @Override
  public void prefetch() {}

  @Override
  public void acquire() {
    settle();
  }

  @Override
  public void settle() {
    arriving.await();
    arriving = Pending.DONE;
  }

  @Override
  public void refresh() {
    settle();
    arriving = communicator.allGather(masterShard, flat);
  }
}
