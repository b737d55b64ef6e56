package io.kiln.engine.model;

import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * One layer of a perceptron: {@code activation(x W^T + b)}, {@code [batch, in] -> [batch, out]}.
 */
public final class DenseBlock implements Block {
  private final String weight;
  private final String bias;
  private final Optional<Activation> activation;
  private final Dropout dropout;
  private final List<ParameterSpec> parameters;

  /**
   * @param index of the block in the model
   * @param in input features
   * @param out output features
   * @param activation none in the last layer
   * @param dropout probability, after the activation
   */
  public DenseBlock(int index, long in, long out, Optional<Activation> activation, double dropout) {
    this.weight = "layers." + index + ".weight";
    this.bias = "layers." + index + ".bias";
    this.activation = activation;
    this.dropout = new Dropout(dropout, index, 0);
    // What torch.nn.Linear starts from.
    double bound = 1 / Math.sqrt(in);
    Initialization uniform = new Initialization.Uniform(-bound, bound);
    this.parameters =
        List.of(
            new ParameterSpec(weight, List.of(out, in), ParameterRole.COLUMN, uniform),
            new ParameterSpec(bias, List.of(out), ParameterRole.BIAS, uniform));
  }

  @Override
  public List<ParameterSpec> parameters() {
    return parameters;
  }

  @Override
  public Tensor forward(Weights weights, Tensor input, Pass pass) {
    Tensor matrix = weights.get(weight);
    // Features arrive in fp32 whatever the model computes in.
    Tensor x =
        input.scalar_type().intern() == matrix.scalar_type().intern()
            ? input
            : input.to(matrix.scalar_type());
    Tensor y = torch.linear(x, matrix, new TensorOptional(weights.get(bias)));
    return dropout.apply(activation.isPresent() ? activation.get().apply(y) : y, pass);
  }
}
