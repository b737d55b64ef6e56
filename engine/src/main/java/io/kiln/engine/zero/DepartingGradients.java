package io.kiln.engine.zero;

import io.kiln.engine.comm.Pending;
import org.bytedeco.pytorch.Tensor;

/** A gradient that leaves after every micro-batch and is accumulated by its owner, in fp32. */
final class DepartingGradients implements GradientFlow {
  private final Tensor flat;
  private final GradientBucket bucket;
  private final GradientMessages messages;
  private Pending leaving = Pending.DONE;

  /**
   * @param flat {@code [elements]}: the first elements of the bucket's memory, working dtype
   */
  DepartingGradients(Tensor flat, GradientBucket bucket, GradientMessages messages) {
    this.flat = flat;
    this.bucket = bucket;
    this.messages = messages;
  }

  @Override
  public Tensor flat() {
    return flat;
  }

  @Override
  public void open(boolean first) {
    bucket.claim();
    flat.zero_();
  }

  @Override
  public void close(boolean first, boolean last) {
    leaving = messages.reduce(flat, !first);
    bucket.leave(leaving);
  }

  @Override
  public void finish() {
    leaving.await();
    leaving = Pending.DONE;
  }
}
