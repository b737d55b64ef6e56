package io.kiln.engine.optim;

import io.kiln.engine.config.OptimizerConfig;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** Adagrad (Duchi et al. 2011). */
final class FusedAdagrad extends FusedOptimizer {
  private static final int LEARNING_RATE = 4;
  private static final int WEIGHT_DECAY = 6;
  private static final int GRADIENT_SCALE = 9;

  private final OptimizerConfig.Adagrad config;

  FusedAdagrad(OptimizerConfig.Adagrad config) {
    super("aten::_fused_adagrad_", GRADIENT_SCALE);
    this.config = config;
  }

  @Override
  public List<String> stateNames() {
    return List.of("sum");
  }

  @Override
  public double initialState() {
    return config.initialAccumulator();
  }

  @Override
  Object[] arguments(List<Slice> slices, List<Tensor> steps) {
    return new Object[] {
      FusedCall.parameters(slices),
      FusedCall.gradients(slices),
      FusedCall.states(slices, 0),
      steps,
      0.0,
      config.learningRateDecay(),
      0.0,
      config.epsilon(),
      false, // maximize
      null,
      null
    };
  }

  @Override
  void set(FusedCall call, Rates rates, long step) {
    call.set(LEARNING_RATE, rates.learningRate()).set(WEIGHT_DECAY, rates.weightDecay());
  }
}
