package io.kiln.engine.zero;

import io.kiln.engine.comm.Communicator;
import io.kiln.engine.comm.Pending;
import org.bytedeco.pytorch.Tensor;

/**
 * How a block's gradient crosses between ranks.
 *
 * @param communicator the ranks that share the block
 * @param shard {@code [shardElements]} fp32: this rank's part of the sum
 * @param bucket where the gradient is converted to the dtype of the message, or null where it
 *     travels as it is
 * @param overlap whether the reduction may go on while the next block computes
 */
record GradientMessages(
    Communicator communicator, Tensor shard, GradientBucket bucket, boolean overlap) {
  /** Sums {@code gradient} over the ranks into the shard. */
  Pending reduce(Tensor gradient, boolean accumulate) {
    Tensor message = gradient;
    if (bucket != null) {
      bucket.claim();
      message = bucket.memory().narrow(0, 0, gradient.numel());
      message.copy_(gradient);
    }
    Pending pending = communicator.reduceScatter(message, shard, accumulate);
    if (bucket != null) {
      bucket.leave(pending);
    }
    if (!overlap) {
      pending.await();
    }
    return pending;
  }
}
