package io.kiln.engine.optim;

import io.kiln.engine.config.OptimizerConfig;
import io.kiln.engine.tensor.Operator;
import java.util.List;
import org.bytedeco.pytorch.NoGradGuard;

/** Adagrad through ATen's fused kernel. */
final class FusedAdagrad implements Optimizer {
  private static final int LEARNING_RATE = 4;
  private static final int WEIGHT_DECAY = 6;
  private static final int GRADIENT_SCALE = 9;

  private final OptimizerConfig.Adagrad config;
  private final Operator operator = Operator.named("aten::_fused_adagrad_");
  private final SlicesByRates<FusedCall> calls = new SlicesByRates<>(this::prepare);

  FusedAdagrad(OptimizerConfig.Adagrad config) {
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
  public void step(long step, List<Slice> slices, double gradientDivisor) {
    try (NoGradGuard guard = new NoGradGuard()) {
      calls.forEach(
          slices,
          (call, rates) -> {
            if (call.changes(rates)) {
              call.set(LEARNING_RATE, rates.learningRate()).set(WEIGHT_DECAY, rates.weightDecay());
            }
            call.run(step, gradientDivisor);
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
              steps,
              0.0,
              config.learningRateDecay(),
              0.0,
              config.epsilon(),
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
