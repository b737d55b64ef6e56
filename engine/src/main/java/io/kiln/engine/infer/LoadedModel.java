package io.kiln.engine.infer;

import io.kiln.engine.model.Block;
import io.kiln.engine.model.Borrowed;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.ParameterSpec;
import io.kiln.engine.model.Pass;
import io.kiln.engine.model.Weights;
import io.kiln.engine.model.family.DecoderDefinition;
import io.kiln.engine.model.family.ModelDefinition;
import io.kiln.engine.model.family.PerceptronDefinition;
import io.kiln.engine.tensor.Dtype;
import io.kiln.engine.tensor.NativeOwner;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A model with all its values in native memory of its own, for use without gradients. Used by one
 * thread at a time; closing frees everything.
 */
public final class LoadedModel implements AutoCloseable {
  private final ModelDefinition definition;
  private final Model model;
  private final List<Weights> weights = new ArrayList<>();
  private final NativeOwner owner = new NativeOwner();

  private LoadedModel(ModelDefinition definition) {
    this.definition = definition;
    this.model = definition.model();
  }

  /**
   * Loads from Hugging Face's layout.
   *
   * @param path a {@code .safetensors} file, or a folder with one or with an index of several
   * @param dtype what the values are kept and computed in
   */
  public static LoadedModel load(ModelDefinition definition, Path path, Dtype dtype)
      throws IOException {
    try (SafetensorsSource source = SafetensorsSource.open(path, definition.layout())) {
      return of(definition, source, dtype);
    }
  }

  /**
   * Takes its values from anywhere, each parameter once, in the order of the blocks.
   *
   * @param dtype what the values are kept and computed in
   */
  public static LoadedModel of(ModelDefinition definition, ParameterSource source, Dtype dtype)
      throws IOException {
    LoadedModel loaded = new LoadedModel(definition);
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      loaded.fill(source, dtype);
      return loaded;
    } catch (IOException | RuntimeException e) {
      loaded.close();
      throw e;
    }
  }

  private void fill(ParameterSource source, Dtype dtype) throws IOException {
    List<Map<String, Tensor>> values = new ArrayList<>();
    for (Block block : model.blocks()) {
      Map<String, Tensor> own = new HashMap<>();
      for (ParameterSpec spec : block.parameters()) {
        long[] shape = spec.shape().stream().mapToLong(Long::longValue).toArray();
        try (PointerScope scope = new PointerScope()) {
          Tensor value = torch.empty(shape, new TensorOptions(ScalarType.Float), null);
          source.fill(spec, value);
          own.put(spec.name(), owner.own(value.to(dtype.scalarType())));
        }
      }
      values.add(own);
    }
    for (int i = 0; i < model.blocks().size(); i++) {
      Map<String, Tensor> ofBlock = new LinkedHashMap<>(values.get(i));
      for (Borrowed borrowed : model.blocks().get(i).borrows()) {
        ofBlock.put(borrowed.parameter(), values.get(borrowed.block()).get(borrowed.parameter()));
      }
      weights.add(new Weights(ofBlock));
    }
  }

  /** What it is. */
  public ModelDefinition definition() {
    return definition;
  }

  /**
   * Logits of every position.
   *
   * @param ids token ids {@code [batch, time]} int64
   * @return {@code [batch, time, vocabulary]} in the model's dtype, in the caller's scope
   */
  public Tensor logits(Tensor ids) {
    return run(ids, false);
  }

  /**
   * Logits of what comes after the last position.
   *
   * @param ids of one sequence, at least one and at most as many as the model has positions
   * @return {@code [vocabulary]}
   */
  public float[] nextLogits(long[] ids) {
    requireDecoder();
    try (PointerScope scope = new PointerScope()) {
      return floats(run(Tensor.create(ids, 1, ids.length), true));
    }
  }

  /**
   * Outputs of a feature model: values, or logits of classes.
   *
   * @param features rows of {@code input_size} each
   * @return rows of {@code output_size} each
   */
  public float[][] predict(float[][] features) {
    if (!(definition instanceof PerceptronDefinition perceptron)) {
      throw new IllegalStateException(
          "a " + definition.modelType() + " takes tokens, not features");
    }
    int width = Math.toIntExact(perceptron.inputSize());
    float[] flat = new float[Math.multiplyExact(features.length, width)];
    for (int row = 0; row < features.length; row++) {
      if (features[row].length != width) {
        throw new IllegalArgumentException(
            "row " + row + " has " + features[row].length + " features, the model takes " + width);
      }
      System.arraycopy(features[row], 0, flat, row * width, width);
    }
    int outputs = Math.toIntExact(perceptron.outputSize());
    float[][] rows = new float[features.length][outputs];
    if (features.length > 0) {
      try (PointerScope scope = new PointerScope()) {
        float[] all = floats(run(Tensor.create(flat, features.length, width), false));
        for (int row = 0; row < rows.length; row++) {
          System.arraycopy(all, row * outputs, rows[row], 0, outputs);
        }
      }
    }
    return rows;
  }

  /** The decoder that this is. */
  DecoderDefinition requireDecoder() {
    if (definition instanceof DecoderDefinition decoder) {
      return decoder;
    }
    throw new IllegalStateException("a " + definition.modelType() + " takes features, not tokens");
  }

  /** The last block's output, in the caller's scope; of the last position alone if asked. */
  private Tensor run(Tensor input, boolean lastPosition) {
    try (NoGradGuard noGrad = new NoGradGuard()) {
      int last = model.blocks().size() - 1;
      Tensor hidden = model.forward(last, weights::get, input);
      if (lastPosition) {
        hidden = hidden.narrow(1, hidden.size(1) - 1, 1);
      }
      return model.blocks().get(last).forward(weights.get(last), hidden, Pass.evaluation());
    }
  }

  private static float[] floats(Tensor tensor) {
    Tensor values = tensor.cpu().to(ScalarType.Float).contiguous();
    float[] all = new float[Math.toIntExact(values.numel())];
    new FloatPointer(values.data_ptr()).get(all);
    return all;
  }

  @Override
  public void close() {
    owner.close();
    model.close();
  }
}
