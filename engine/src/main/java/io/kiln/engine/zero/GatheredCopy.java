package io.kiln.engine.zero;

import io.kiln.engine.comm.Communicator;
import io.kiln.engine.comm.Pending;
import org.bytedeco.pytorch.Tensor;

/**
 * Only the own shard is kept; the whole is gathered into a buffer shared with other blocks before
 * each use. A block that still lies in its buffer is not gathered again. The saved views of a graph
 * read the buffer in backward, after the same bytes have been gathered into the same place.
 */
final class GatheredCopy implements WorkingCopy {
  private final Tensor shard;
  private final Tensor masterShard;
  private final GatheredBuffer buffer;
  private final Tensor flat;
  private final Communicator communicator;
  private Pending arriving = Pending.DONE;
  private boolean stale = true;

  /**
   * @param shard {@code [shardElements]}, working dtype
   * @param masterShard {@code [shardElements]} fp32; the same tensor where the working dtype is
   *     fp32
   * @param flat {@code [elements]}: the first elements of the buffer's memory
   */
  GatheredCopy(
      Tensor shard,
      Tensor masterShard,
      GatheredBuffer buffer,
      Tensor flat,
      Communicator communicator) {
    this.shard = shard;
    this.masterShard = masterShard;
    this.buffer = buffer;
    this.flat = flat;
    this.communicator = communicator;
  }

  @Override
  public Tensor flat() {
    return flat;
  }

  @Override
  public void prefetch() {
    if (stale || !buffer.holds(this)) {
      settle();
      buffer.occupy(this);
      arriving = communicator.allGather(shard, flat);
      stale = false;
    }
  }

  @Override
  public void acquire() {
    prefetch();
    settle();
  }

  @Override
  public void refresh() {
    settle();
    if (masterShard != shard) {
      shard.copy_(masterShard);
    }
    stale = true;
  }

  @Override
  public void settle() {
    arriving.await();
    arriving = Pending.DONE;
  }
}
