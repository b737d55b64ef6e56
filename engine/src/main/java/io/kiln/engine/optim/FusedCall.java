package io.kiln.engine.optim;

import io.kiln.engine.tensor.BoundOperator;
import io.kiln.engine.tensor.NativeOwner;
import io.kiln.engine.tensor.Operator;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;

/**
 * One call of a fused optimizer kernel over all slices of equal rates, boxed once. The kernel
 * divides the gradients itself, so unscaling and clipping cost no pass of their own.
 */
final class FusedCall implements Prepared {
  private final NativeOwner owner = new NativeOwner();
  private final ScalarTensor step;
  private final ScalarTensor divisor;
  private final BoundOperator call;
  private final int divisorIndex;
  private boolean divides;
  private Rates last;

  /** Puts the arguments in the kernel's order. */
  interface Arguments {
    Object[] of(List<Slice> slices, List<Tensor> steps);
  }

  /**
   * @param divisorIndex place of grad_scale among the arguments, which give null for it
   */
  FusedCall(Operator operator, List<Slice> slices, int divisorIndex, Arguments arguments) {
    this.divisorIndex = divisorIndex;
    try (PointerScope scope = new PointerScope()) {
      Device device = slices.get(0).parameter().device();
      ScalarTensor stepNumber = new ScalarTensor(device);
      this.step = owner.own(stepNumber, stepNumber::close);
      ScalarTensor gradientDivisor = new ScalarTensor(device);
      this.divisor = owner.own(gradientDivisor, gradientDivisor::close);
      List<Tensor> steps = slices.stream().map(s -> stepNumber.tensor()).toList();
      BoundOperator bound = operator.bind(arguments.of(slices, steps));
      this.call = owner.own(bound, bound::close);
    } catch (RuntimeException | Error e) {
      owner.close();
      throw e;
    }
  }

  /** Whether these are not the rates of the call before, which the arguments still hold. */
  boolean changes(Rates rates) {
    boolean changed = !rates.equals(last);
    last = rates;
    return changed;
  }

  FusedCall set(int index, Object value) {
    call.set(index, value);
    return this;
  }

  void run(double stepNumber, double gradientDivisor) {
    step.set(stepNumber);
    divisor.set(gradientDivisor);
    boolean divide = gradientDivisor != 1;
    if (divide != divides) {
      call.set(divisorIndex, divide ? divisor.tensor() : null);
      divides = divide;
    }
    call.run();
  }

  @Override
  public void close() {
    owner.close();
  }

  static List<Tensor> parameters(List<Slice> slices) {
    return slices.stream().map(Slice::parameter).toList();
  }

  static List<Tensor> gradients(List<Slice> slices) {
    return slices.stream().map(Slice::gradient).toList();
  }

  static List<Tensor> states(List<Slice> slices, int index) {
    return slices.stream().map(s -> s.state().get(index)).toList();
  }
}
