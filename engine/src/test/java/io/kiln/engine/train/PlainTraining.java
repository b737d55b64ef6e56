package io.kiln.engine.train;

import io.kiln.engine.model.Block;
import io.kiln.engine.model.Borrowed;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.ParameterInitializer;
import io.kiln.engine.model.ParameterSpec;
import io.kiln.engine.model.Pass;
import io.kiln.engine.model.Weights;
import io.kiln.engine.tensor.Tensors;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The loop that the engine must agree with: one process, one graph, one tensor a parameter,
 * libtorch's own AdamW and gradient clipping. Shares the blocks' mathematics with the engine and
 * nothing else.
 */
final class PlainTraining {
  private PlainTraining() {}

  /** The parameters after {@code steps} steps, by name. */
  static Map<String, float[]> train(
      Model model,
      long seed,
      RandomTokens source,
      int steps,
      double rate,
      double epsilon,
      double clip) {
    try (PointerScope scope = new PointerScope();
        Device cpu = new Device("cpu")) {
      ParameterInitializer initializer = new ParameterInitializer(seed);
      Map<String, Tensor> parameters = new LinkedHashMap<>();
      for (Block block : model.blocks()) {
        for (ParameterSpec spec : block.parameters()) {
          long[] shape = spec.shape().stream().mapToLong(Long::longValue).toArray();
          Tensor value = Tensors.zeros(ScalarType.Float, cpu, shape);
          initializer.fill(spec, value);
          parameters.put(spec.name(), value.set_requires_grad(true));
        }
      }
      TensorVector all = new TensorVector(parameters.values().toArray(Tensor[]::new));
      AdamWOptions options = new AdamWOptions(rate);
      options.weight_decay().put(0.1);
      options.eps().put(epsilon);
      AdamW optimizer = new AdamW(all, options);
      for (int step = 1; step <= steps; step++) {
        optimizer.zero_grad();
        for (MicroBatch batch : source.next(step)) {
          Tensor hidden = batch.inputs();
          for (Block block : model.blocks()) {
            hidden = block.forward(weights(block, parameters), hidden, Pass.evaluation());
          }
          Tensor loss = model.objective().lossSum(hidden, batch.targets());
          loss.div(new Scalar((double) source.globalValidTargets(step))).backward();
        }
        torch.clip_grad_norm_(all, clip);
        optimizer.step();
      }
      Map<String, float[]> values = new LinkedHashMap<>();
      parameters.forEach((name, tensor) -> values.put(name, floats(tensor)));
      return values;
    }
  }

  private static Weights weights(Block block, Map<String, Tensor> parameters) {
    List<String> names =
        new ArrayList<>(block.parameters().stream().map(ParameterSpec::name).toList());
    names.addAll(block.borrows().stream().map(Borrowed::parameter).toList());
    Map<String, Tensor> own = new LinkedHashMap<>();
    names.forEach(name -> own.put(name, parameters.get(name)));
    return new Weights(own);
  }

  static float[] floats(Tensor tensor) {
    try (PointerScope scope = new PointerScope()) {
      float[] values = new float[(int) tensor.numel()];
      new org.bytedeco.javacpp.FloatPointer(tensor.detach().contiguous().data_ptr()).get(values);
      return values;
    }
  }
}
