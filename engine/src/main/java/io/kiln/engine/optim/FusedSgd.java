package io.kiln.engine.optim;

import io.kiln.engine.config.OptimizerConfig;
import io.kiln.engine.tensor.Operator;
import java.util.List;
import org.bytedeco.pytorch.NoGradGuard;

/** Stochastic gradient descent, with momentum or without, through ATen's fused kernel. */
final class FusedSgd implements Optimizer {
  private static final int WEIGHT_DECAY = 3;
  private static final int MOMENTUM = 4;
  private static final int LEARNING_RATE = 5;
  private static final int FIRST_STEP = 9;
  private static final int GRADIENT_SCALE = 10;

  private final OptimizerConfig.Sgd config;
  private final boolean hasMomentum;
  private final Operator operator = Operator.named("aten::_fused_sgd_");
  private final SlicesByRates<FusedCall> calls = new SlicesByRates<>(this::prepare);

  FusedSgd(OptimizerConfig.Sgd config) {
    this.config = config;
    this.hasMomentum = config.momentum() != 0;
  }

  @Override
  public List<String> stateNames() {
    return hasMomentum ? List.of("momentum_buffer") : List.of();
  }

  @Override
  public void step(long step, List<Slice> slices, double gradientDivisor) {
    try (NoGradGuard guard = new NoGradGuard()) {
      calls.forEach(
          slices,
          (call, rates) -> {
            if (call.changes(rates)) {
              call.set(WEIGHT_DECAY, rates.weightDecay())
                  .set(MOMENTUM, rates.beta1())
                  .set(LEARNING_RATE, rates.learningRate());
            }
            if (step <= 2) {
              call.set(FIRST_STEP, step == 1); // the buffer begins as the gradient, undampened
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
              hasMomentum ? FusedCall.states(all, 0) : List.of(),
              0.0,
              0.0,
              0.0,
              config.dampening(),
              config.nesterov(),
              false, // maximize
              false,
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
