package io.kiln.engine.optim;

import io.kiln.engine.config.OptimizerConfig;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019). */
final class FusedAdam extends FusedOptimizer {
  private static final int LEARNING_RATE = 6;
  private static final int BETA1 = 7;
  private static final int BETA2 = 8;
  private static final int WEIGHT_DECAY = 9;
  private static final int GRADIENT_SCALE = 13;

  /** A step count at which 1 - beta^step is 1: the kernel always corrects the bias. */
  private static final double NO_CORRECTION = 1e18;

  private final OptimizerConfig.Adam config;

  FusedAdam(OptimizerConfig.Adam config) {
    super(config.decoupled() ? "aten::_fused_adamw_" : "aten::_fused_adam_", GRADIENT_SCALE);
    this.config = config;
  }

  @Override
  public List<String> stateNames() {
    return List.of("exp_avg", "exp_avg_sq");
  }

  @Override
  Object[] arguments(List<Slice> slices, List<Tensor> steps) {
    return new Object[] {
      FusedCall.parameters(slices),
      FusedCall.gradients(slices),
      FusedCall.states(slices, 0),
      FusedCall.states(slices, 1),
      List.of(), // amsgrad's maxima
      steps,
      0.0,
      0.0,
      0.0,
      0.0,
      config.epsilon(),
      false, // amsgrad
      false, // maximize
      null,
      null
    };
  }

  @Override
  void set(FusedCall call, Rates rates, long step) {
    call.set(LEARNING_RATE, rates.learningRate())
        .set(BETA1, rates.beta1())
        .set(BETA2, rates.beta2())
        .set(WEIGHT_DECAY, rates.weightDecay());
  }

  @Override
  double count(long step) {
    return config.biasCorrection() ? step : NO_CORRECTION;
  }
}
