package io.kiln.engine.zero;

import io.kiln.engine.comm.Pending;
import org.bytedeco.pytorch.Tensor;

/**
 * A whole gradient that is accumulated in fp32 while autograd computes in a narrower format: sums
 * over many micro-batches would lose their small terms in 8 bits of precision.
 */
final class WidenedGradients implements GradientFlow {
  private final Tensor flat;
  private final GradientBucket bucket;
  private final Tensor whole;
  private final GradientMessages messages;
  private Pending leaving = Pending.DONE;

  /**
   * @param flat {@code [elements]}: the first elements of the bucket's memory, working dtype
   * @param whole {@code [elements]} fp32
   */
  WidenedGradients(Tensor flat, GradientBucket bucket, Tensor whole, GradientMessages messages) {
    this.flat = flat;
    this.bucket = bucket;
    this.whole = whole;
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
    if (first) {
      whole.copy_(flat);
    } else {
      whole.add_(flat);
    }
    if (last) {
      leaving = messages.reduce(whole, false);
    }
  }

  @Override
  public void finish() {
    leaving.await();
    leaving = Pending.DONE;
  }
}
