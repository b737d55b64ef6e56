package io.kiln.engine.model;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Runs a model block by block as training does: inputs detached, backward a block at a time. */
final class BlockWalk {
  final Model model;
  final Map<String, Tensor> leaves = new LinkedHashMap<>();

  /** Random values, so that no scale is 1 and no offset 0. */
  BlockWalk(Model model, long seed, ScalarType type) {
    this.model = model;
    Random random = new Random(seed);
    for (Block block : model.blocks()) {
      for (ParameterSpec spec : block.parameters()) {
        float[] values = new float[(int) spec.elements()];
        for (int i = 0; i < values.length; i++) {
          values[i] =
              (float) (0.3 * random.nextGaussian() + (spec.role() == ParameterRole.NORM ? 1 : 0));
        }
        long[] shape = spec.shape().stream().mapToLong(Long::longValue).toArray();
        leaves.put(spec.name(), Tensor.create(values, shape).to(type).requires_grad_(true));
      }
    }
  }

  Map<String, double[]> plainWeights() {
    Map<String, double[]> plain = new LinkedHashMap<>();
    leaves.forEach((name, tensor) -> plain.put(name, doubles(tensor)));
    return plain;
  }

  Weights weights(Block block) {
    return new Weights(values(block));
  }

  private Map<String, Tensor> values(Block block) {
    Map<String, Tensor> values = new LinkedHashMap<>();
    block.parameters().forEach(s -> values.put(s.name(), leaves.get(s.name())));
    block.borrows().forEach(b -> values.put(b.parameter(), leaves.get(b.parameter())));
    return values;
  }

  Tensor forward(Tensor input, Pass pass) {
    Tensor x = input;
    for (Block block : model.blocks()) {
      x = block.forward(weights(block), x, pass);
    }
    return x;
  }

  /** Loss sum; gradients are then in the leaves. */
  double step(Tensor input, Tensor targets, Pass pass) {
    List<Tensor> inputs = new ArrayList<>();
    List<Tensor> outputs = new ArrayList<>();
    Tensor x = input;
    for (int i = 0; i < model.blocks().size(); i++) {
      x = i == 0 ? x : x.detach().requires_grad_(true);
      inputs.add(x);
      x = model.blocks().get(i).forward(weights(model.blocks().get(i)), x, pass);
      outputs.add(x);
    }
    Tensor loss = model.objective().lossSum(x, targets);
    TensorOptional gradient = new TensorOptional();
    for (int i = model.blocks().size() - 1; i >= 0; i--) {
      Block block = model.blocks().get(i);
      TensorVector wanted = new TensorVector();
      values(block).values().forEach(wanted::push_back);
      if (i > 0) {
        wanted.push_back(inputs.get(i));
      }
      Tensor from = i == model.blocks().size() - 1 ? loss : outputs.get(i);
      from._backward(wanted, gradient, new BoolOptional(false), false);
      if (i > 0) {
        gradient = new TensorOptional(inputs.get(i).grad());
      }
    }
    return loss.item_double();
  }

  static double[] doubles(Tensor tensor) {
    Tensor copy = tensor.detach().to(ScalarType.Double).contiguous();
    double[] values = new double[(int) copy.numel()];
    new org.bytedeco.javacpp.DoublePointer((Pointer) copy.data_ptr()).get(values);
    return values;
  }

  static Tensor tokens(int[][] ids) {
    long[] flat = new long[ids.length * ids[0].length];
    for (int b = 0, at = 0; b < ids.length; b++) {
      for (int t = 0; t < ids[b].length; t++) {
        flat[at++] = ids[b][t];
      }
    }
    return Tensor.create(flat, ids.length, ids[0].length);
  }
}
