package io.kiln.engine.model;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Squared error, averaged over the outputs of a row and summed over rows. A NaN target is a filler
 * that does not count.
 */
public final class MeanSquaredError implements Objective {
  @Override
  public Tensor lossSum(Tensor output, Tensor targets) {
    Tensor values = output.to(ScalarType.Float).flatten(1, -1);
    Tensor wanted = targets.to(ScalarType.Float).view(values.shape());
    // The filler is replaced before the difference: NaN times zero would still be NaN in backward.
    Tensor filled = torch.where(wanted.isnan(), values.detach(), wanted);
    Tensor difference = values.sub(filled);
    return difference.mul(difference).sum().div(new Scalar((double) values.size(1)));
  }
}
