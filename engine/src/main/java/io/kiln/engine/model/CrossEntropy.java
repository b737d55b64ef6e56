package io.kiln.engine.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Negative log-likelihood of the right class, in nats. */
public final class CrossEntropy implements Objective {
  private static final long SUM = 2; // at::Reduction::Sum

  /**
   * @param output logits {@code [..., classes]} of any floating-point dtype
   * @param targets {@code [...]} int64, {@link #IGNORED} where there is none
   */
  @Override
  public Tensor lossSum(Tensor output, Tensor targets) {
    Tensor logits = output.view(-1, output.size(output.dim() - 1));
    if (logits.scalar_type().intern() != ScalarType.Float) {
      logits = logits.to(ScalarType.Float);
    }
    return torch.cross_entropy_loss(
        logits, targets.reshape(-1), new TensorOptional(), SUM, IGNORED, 0);
  }
}
