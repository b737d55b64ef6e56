package io.kiln.engine.zero;

import io.kiln.engine.comm.Pending;
import org.bytedeco.pytorch.Tensor;

/** A gradient that leaves after every micro-batch and is accumulated by its owner, in fp32. */
final class DepartingGradients implements GradientFlow {
  private final LeafGradients leaves;
  private final Tensor flat;
  private final GradientBucket bucket;
  private final GradientMessages messages;
  private Pending leaving = Pending.DONE;

  /**
   * @param leaves whose places are views of {@code flat}
   * @param flat {@code [elements]}: the first elements of the bucket's memory, working dtype
   */
  DepartingGradients(
      LeafGradients leaves, Tensor flat, GradientBucket bucket, GradientMessages messages) {
    this.leaves = leaves;
    this.flat = flat;
    this.bucket = bucket;
    this.messages = messages;
  }

  @Override
  public void ready(boolean first, boolean last) {
    bucket.claim();
    leaves.move();
    leaving = messages.reduce(flat, !first);
    bucket.leave(leaving);
  }

  @Override
  public void finish() {
    leaving.await();
    leaving = Pending.DONE;
  }
}
