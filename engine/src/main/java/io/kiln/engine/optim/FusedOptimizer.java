package io.kiln.engine.optim;

import io.kiln.engine.tensor.Operator;
import java.util.List;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/** One of ATen's fused kernels; what its arguments are is all that a kernel differs in. */
abstract class FusedOptimizer implements Optimizer {
  private final Operator operator;
  private final int gradientScale;
  private final SlicesByRates<FusedCall> calls = new SlicesByRates<>(this::prepare);

  /**
   * @param kernel ATen's name for it
   * @param gradientScale place of grad_scale among its arguments
   */
  FusedOptimizer(String kernel, int gradientScale) {
    this.operator = Operator.named(kernel);
    this.gradientScale = gradientScale;
  }

  /**
   * The kernel's arguments in its order; null for grad_scale, and for found_inf because a step that
   * overflowed is not taken at all.
   *
   * @param steps a tensor for each slice that holds {@link #count}
   */
  abstract Object[] arguments(List<Slice> slices, List<Tensor> steps);

  /**
   * Sets those arguments that change between steps. Called when the rates have changed, and at the
   * first two steps.
   */
  abstract void set(FusedCall call, Rates rates, long step);

  /** What the kernel is told for the number of the step. */
  double count(long step) {
    return step;
  }

  @Override
  public final void step(long step, List<Slice> slices, double gradientDivisor) {
    double count = count(step);
    try (NoGradGuard guard = new NoGradGuard()) {
      calls.forEach(
          slices,
          (call, rates) -> {
            if (call.changes(rates) || step <= 2) {
              set(call, rates, step);
            }
            call.run(count, gradientDivisor);
          });
    }
  }

  private FusedCall prepare(List<Slice> slices) {
    return new FusedCall(operator, slices, gradientScale, this::arguments);
  }

  @Override
  public final void close() {
    calls.close();
    operator.close();
  }
}
