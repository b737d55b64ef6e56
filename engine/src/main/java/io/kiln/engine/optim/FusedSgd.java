package io.kiln.engine.optim;

import io.kiln.engine.config.OptimizerConfig;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** Stochastic gradient descent, with momentum or without. */
final class FusedSgd extends FusedOptimizer {
  private static final int WEIGHT_DECAY = 3;
  private static final int MOMENTUM = 4;
  private static final int LEARNING_RATE = 5;
  private static final int FIRST_STEP = 9;
  private static final int GRADIENT_SCALE = 10;

  private final OptimizerConfig.Sgd config;
  private final boolean hasMomentum;

  FusedSgd(OptimizerConfig.Sgd config) {
    super("aten::_fused_sgd_", GRADIENT_SCALE);
    this.config = config;
    this.hasMomentum = config.momentum() != 0;
  }

  @Override
  public List<String> stateNames() {
    return hasMomentum ? List.of("momentum_buffer") : List.of();
  }

  @Override
  Object[] arguments(List<Slice> slices, List<Tensor> steps) {
    return new Object[] {
      FusedCall.parameters(slices),
      FusedCall.gradients(slices),
      hasMomentum ? FusedCall.states(slices, 0) : List.of(),
      0.0,
      0.0,
      0.0,
      config.dampening(),
      config.nesterov(),
      false, // maximize
      false,
      null,
      null
    };
  }

  @Override
  void set(FusedCall call, Rates rates, long step) {
    call.set(WEIGHT_DECAY, rates.weightDecay())
        .set(MOMENTUM, rates.beta1())
        .set(LEARNING_RATE, rates.learningRate())
        .set(FIRST_STEP, step == 1); // the buffer begins as the gradient, undampened
  }
}
