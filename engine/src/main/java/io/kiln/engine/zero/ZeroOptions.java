package io.kiln.engine.zero;

import io.kiln.engine.tensor.Dtype;
import java.util.Optional;

/**
 * How parameters, gradients and optimizer state are spread.
 *
 * @param stage the three choices
 * @param dtype of working parameters and of the gradients that autograd computes
 * @param accumulates whether a step has more than one micro-batch
 * @param messageDtype of gradients between ranks, where it is not {@code dtype}
 * @param overlap whether a gradient may travel while the next block computes
 * @param persistenceThreshold blocks of at most so many elements are not gathered for each use but
 *     stay whole
 * @param prefetchElements 0 gathers a block when it is wanted; any other number gathers the next
 *     block, whole, while one computes
 * @param maxLiveElements gathered elements at the most, as long as one block fits
 */
public record ZeroOptions(
    ZeroStage stage,
    Dtype dtype,
    boolean accumulates,
    Optional<Dtype> messageDtype,
    boolean overlap,
    long persistenceThreshold,
    long prefetchElements,
    long maxLiveElements) {
  /** DeepSpeed's defaults at this stage, one micro-batch a step. */
  public static ZeroOptions of(ZeroStage stage, Dtype dtype) {
    return new ZeroOptions(
        stage, dtype, false, Optional.empty(), true, 100_000, 50_000_000, 1_000_000_000);
  }

  /** The dtype of messages where it is another than autograd's. */
  Optional<Dtype> convertedMessageDtype() {
    return messageDtype.filter(d -> d != accumulatedDtype());
  }

  /** What a micro-batch's gradient is accumulated in before it leaves. */
  Dtype accumulatedDtype() {
    return widens() ? Dtype.FP32 : dtype;
  }

  /** Whether gradients narrower than fp32 are accumulated before they leave. */
  boolean widens() {
    return dtype != Dtype.FP32 && accumulates && stage.gradients() == GradientDeparture.AT_BORDER;
  }
}
