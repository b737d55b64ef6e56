package io.kiln.engine.model;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * A product with a weight matrix, {@code y = x W^T + b}.
 *
 * @param weight name of {@code W [out, in]}
 * @param bias name of {@code b [out]}, used if {@code biased}
 * @param biased whether there is one
 * @param in input features
 * @param out output features
 * @param role of the weight
 * @param deviation standard deviation of the weight's first values
 */
record Projection(
    String weight,
    String bias,
    boolean biased,
    long in,
    long out,
    ParameterRole role,
    double deviation) {

  /** A projection whose parameters are {@code name.weight} and, if biased, {@code name.bias}. */
  static Projection named(
      String name, boolean biased, long in, long out, ParameterRole role, double deviation) {
    return new Projection(name + ".weight", name + ".bias", biased, in, out, role, deviation);
  }

  List<ParameterSpec> parameters() {
    ParameterSpec matrix =
        new ParameterSpec(weight, List.of(out, in), role, new Initialization.Normal(0, deviation));
    return biased
        ? List.of(
            matrix,
            new ParameterSpec(
                bias, List.of(out), ParameterRole.BIAS, new Initialization.Constant(0)))
        : List.of(matrix);
  }

  Tensor apply(Weights weights, Tensor x) {
    return biased
        ? torch.linear(x, weights.get(weight), new TensorOptional(weights.get(bias)))
        : torch.linear(x, weights.get(weight));
  }
}
