package io.kiln.engine.optim;

import io.kiln.engine.config.OptimizerConfig;
import io.kiln.engine.tensor.Operator;
import java.util.List;
import org.bytedeco.pytorch.NoGradGuard;

/** Adam and AdamW through ATen's fused kernels. */
final class FusedAdam implements Optimizer {
  private static final int LEARNING_RATE = 6;
  private static final int BETA1 = 7;
  private static final int BETA2 = 8;
  private static final int WEIGHT_DECAY = 9;
  private static final int GRADIENT_SCALE = 13;

  /** A step count at which 1 - beta^step is 1: the kernel always corrects the bias. */
  private static final double NO_CORRECTION = 1e18;

  private final OptimizerConfig.Adam config;
  private final Operator operator;
  private final SlicesByRates<FusedCall> calls = new SlicesByRates<>(this::prepare);

  FusedAdam(OptimizerConfig.Adam config) {
    this.config = config;
    this.operator =
        Operator.named(config.decoupled() ? "aten::_fused_adamw_" : "aten::_fused_adam_");
  }

  @Override
  public List<String> stateNames() {
    return List.of("exp_avg", "exp_avg_sq");
  }

  @Override
  public void step(long step, List<Slice> slices, double gradientDivisor) {
    double count = config.biasCorrection() ? step : NO_CORRECTION;
    try (NoGradGuard guard = new NoGradGuard()) {
      calls.forEach(
          slices,
          (call, rates) -> {
            if (call.changes(rates)) {
              call.set(LEARNING_RATE, rates.learningRate())
                  .set(BETA1, rates.beta1())
                  .set(BETA2, rates.beta2())
                  .set(WEIGHT_DECAY, rates.weightDecay());
            }
            call.run(count, gradientDivisor);
          });
    }
  }

  private FusedCall prepare(List<Slice> slices) {
    return new FusedCall(
        operator,
        slices,
        GRADIENT_SCALE,
        (all, steps) ->
            new Object[] {
              FusedCall.parameters(all),
              FusedCall.gradients(all),
              FusedCall.states(all, 0),
              FusedCall.states(all, 1),
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
              null // found_inf: a step that overflowed is not taken at all
            });
  }

  @Override
  public void close() {
    calls.close();
    operator.close();
  }
}
