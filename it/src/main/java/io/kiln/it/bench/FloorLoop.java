package io.kiln.it.bench;

import io.kiln.engine.tensor.BoundOperator;
import io.kiln.engine.tensor.Dtype;
import io.kiln.engine.tensor.NativeOwner;
import io.kiln.engine.tensor.Operator;
import io.kiln.engine.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The floor: a GPT-2 training step as anybody would write it for libtorch on one process, in one
 * file and with nothing of the engine's but its operator call. One graph for the whole model, the
 * fastest attention for the dtype, gradients set to none, fused AdamW with the clipping folded in;
 * in bf16 the fp32 parameters are cast once a step.
 */
final class FloorLoop implements AutoCloseable {
  private static final double CLIP = 1.0;

  /** The fp32 parameters of one layer, in the order in which they were made. */
  private record Layer(
      Tensor normWeight,
      Tensor normBias,
      Tensor attentionWeight,
      Tensor attentionBias,
      Tensor projectionWeight,
      Tensor projectionBias,
      Tensor norm2Weight,
      Tensor norm2Bias,
      Tensor upWeight,
      Tensor upBias,
      Tensor downWeight,
      Tensor downBias) {}

  private final NativeOwner owner = new NativeOwner();
  private final GptShape shape;
  private final Dtype dtype;
  private final Device device;
  private final List<Tensor> parameters = new ArrayList<>();
  private final List<Tensor> averages = new ArrayList<>();
  private final List<Tensor> squares = new ArrayList<>();
  private final List<Tensor> steps = new ArrayList<>();
  private final List<Layer> layers = new ArrayList<>();
  private final Tensor tokens;
  private final Tensor positions;
  private final Tensor finalWeight;
  private final Tensor finalBias;
  private final Tensor mask;
  private final Tensor positionIds;
  private final Operator adamw = Operator.named("aten::_fused_adamw_");

  FloorLoop(GptShape shape, Dtype dtype, String place) {
    this.shape = shape;
    this.dtype = dtype;
    this.device = owner.own(new Device(place));
    try (PointerScope scope = new PointerScope()) {
      long h = shape.hidden();
      double deep = 0.02 / Math.sqrt(2.0 * shape.layers());
      tokens = normal(0.02, shape.vocabulary(), h);
      positions = normal(0.02, shape.time(), h);
      for (int i = 0; i < shape.layers(); i++) {
        layers.add(
            new Layer(
                constant(1, h),
                constant(0, h),
                normal(0.02, 3 * h, h),
                constant(0, 3 * h),
                normal(deep, h, h),
                constant(0, h),
                constant(1, h),
                constant(0, h),
                normal(0.02, 4 * h, h),
                constant(0, 4 * h),
                normal(deep, h, 4 * h),
                constant(0, h)));
      }
      finalWeight = constant(1, h);
      finalBias = constant(0, h);
      mask =
          owner.own(
              Tensors.zeros(dtype.scalarType(), device, shape.time(), shape.time())
                  .fill_(new Scalar(Float.NEGATIVE_INFINITY))
                  .triu_(1));
      positionIds =
          owner.own(torch.arange(new Scalar((long) shape.time())).to(device, ScalarType.Long));
    }
  }

  private Tensor normal(double deviation, long... size) {
    return parameter(
        Tensors.zeros(ScalarType.Float, device, size)
            .normal_(0, deviation, new org.bytedeco.pytorch.GeneratorOptional()));
  }

  private Tensor constant(double value, long... size) {
    return parameter(Tensors.zeros(ScalarType.Float, device, size).fill_(new Scalar(value)));
  }

  private Tensor parameter(Tensor value) {
    parameters.add(owner.own(value.set_requires_grad(true)));
    averages.add(owner.own(torch.zeros_like(value)));
    squares.add(owner.own(torch.zeros_like(value)));
    steps.add(owner.own(Tensors.scalar(0, ScalarType.Float, device)));
    return value;
  }

  /**
   * One step.
   *
   * @param inputs {@code [batch, time]} int64
   * @param targets {@code [batch, time]} int64
   * @return the mean loss
   */
  double step(Tensor inputs, Tensor targets) {
    try (PointerScope scope = new PointerScope();
        NativeOwner kept = new NativeOwner()) {
      Tensor loss = forward(here(inputs), here(targets), kept);
      double value = loss.item().toDouble();
      loss.backward();
      update();
      return value;
    }
  }

  private Tensor here(Tensor tensor) {
    return device.is_cpu() ? tensor : tensor.to(device, tensor.scalar_type());
  }

  private Tensor forward(Tensor inputs, Tensor targets, NativeOwner kept) {
    // Intermediates die with this scope unless the graph needs them, as in C++ or Python.
    try (PointerScope scope = new PointerScope()) {
      Tensor table = working(tokens);
      Tensor x =
          torch.embedding(table, inputs).add(torch.embedding(working(positions), positionIds));
      for (Layer layer : layers) {
        x = layer(layer, x);
      }
      Tensor normed = norm(x, finalWeight, finalBias);
      Tensor logits = torch.linear(normed, table).view(-1, shape.vocabulary());
      if (dtype != Dtype.FP32) {
        logits = logits.to(ScalarType.Float);
      }
      return kept.own(torch.cross_entropy_loss(logits, targets.view(-1)));
    }
  }

  private Tensor layer(Layer layer, Tensor x) {
    Tensor qkv =
        torch
            .linear(
                norm(x, layer.normWeight(), layer.normBias()),
                working(layer.attentionWeight()),
                optional(layer.attentionBias()))
            .view(shape.batch(), shape.time(), 3, shape.heads(), shape.hidden() / shape.heads());
    TensorVector parts = qkv.permute(2, 0, 3, 1, 4).unbind(0);
    Tensor attended =
        attention(parts.get(0), parts.get(1), parts.get(2))
            .transpose(1, 2)
            .reshape(shape.batch(), shape.time(), shape.hidden());
    Tensor middle =
        x.add(
            torch.linear(
                attended, working(layer.projectionWeight()), optional(layer.projectionBias())));
    Tensor up =
        torch.linear(
            norm(middle, layer.norm2Weight(), layer.norm2Bias()),
            working(layer.upWeight()),
            optional(layer.upBias()));
    Tensor down =
        torch.linear(
            torch.gelu(up, "tanh"), working(layer.downWeight()), optional(layer.downBias()));
    return middle.add(down);
  }

  private Tensor attention(Tensor query, Tensor key, Tensor value) {
    if (dtype == Dtype.FP32 || !device.is_cpu()) {
      return torch.scaled_dot_product_attention(
          query, key, value, new TensorOptional(), 0, true, new DoubleOptional(), false);
    }
    double scale = 1 / Math.sqrt((double) shape.hidden() / shape.heads());
    Tensor scores = query.mul(new Scalar(scale)).matmul(key.transpose(-2, -1)).add(mask);
    return scores.softmax(-1).matmul(value);
  }

  private Tensor norm(Tensor x, Tensor weight, Tensor bias) {
    return torch.layer_norm(
        x, new long[] {shape.hidden()}, optional(weight), optional(bias), 1e-5, false);
  }

  private TensorOptional optional(Tensor parameter) {
    return new TensorOptional(working(parameter));
  }

  private Tensor working(Tensor parameter) {
    return dtype == Dtype.FP32 ? parameter : parameter.to(dtype.scalarType());
  }

  private void update() {
    try (NoGradGuard noGrad = new NoGradGuard()) {
      List<Tensor> gradients = new ArrayList<>(parameters.size());
      List<Tensor> norms = new ArrayList<>(parameters.size());
      for (Tensor parameter : parameters) {
        Tensor gradient = parameter.grad();
        gradients.add(gradient);
        norms.add(torch.linalg_vector_norm(gradient));
      }
      // Read once: a GPU waits for each value that is read.
      TensorVector all = new TensorVector(norms.toArray(Tensor[]::new));
      double norm = torch.linalg_vector_norm(torch.stack(all)).item().toDouble();
      for (Tensor count : steps) {
        count.add_(new Scalar(1));
      }
      double divisor = Math.max(1, (norm + 1e-6) / CLIP);
      try (BoundOperator bound =
          adamw.bind(
              parameters,
              gradients,
              averages,
              squares,
              List.of(),
              steps,
              1e-3,
              0.9,
              0.99,
              0.1,
              1e-8,
              false,
              false,
              Tensors.scalar(divisor, ScalarType.Float, device))) {
        bound.run();
      }
      for (Tensor parameter : parameters) {
        parameter.mutable_grad().put(new Tensor());
      }
    }
  }

  @Override
  public void close() {
    adamw.close();
    owner.close();
  }
}
