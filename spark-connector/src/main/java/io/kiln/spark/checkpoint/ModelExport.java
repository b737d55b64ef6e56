package io.kiln.spark.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.checkpoint.CheckpointException;
import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointManifest;
import io.kiln.engine.config.ConfigException;
import io.kiln.engine.infer.ParameterSource;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.ParameterSpec;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.DecoderDefinition;
import io.kiln.engine.model.family.HuggingFaceLayout;
import io.kiln.engine.model.family.ModelDefinition;
import io.kiln.engine.model.family.ModelFamilies;
import io.kiln.engine.tensor.Dtype;
import io.kiln.engine.train.ParameterSink;
import io.kiln.engine.train.recovery.Recut;
import io.kiln.spark.output.ModelFile;
import io.kiln.spark.output.OutputDirectory;
import io.kiln.spark.training.TrainingRun;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Makes a model in Hugging Face's layout of a checkpoint. It takes the memory of one parameter:
 * each is read, written and let go before the next.
 */
public final class ModelExport {
  private static final String MODEL = "model";
  private static final String PARAMETERS = "parameters";
  private static final String TOKENIZER = "tokenizer";
  private static final String COLUMNS = "columns";

  /** Plain names: what a manifest says never leads out of the folder. */
  private static final String FILE_NAME = "\\w[\\w.-]*";

  private final CheckpointFolder folder;
  private final CheckpointManifest manifest;
  private final ModelDefinition definition;

  private ModelExport(
      CheckpointFolder folder, CheckpointManifest manifest, ModelDefinition definition) {
    this.folder = folder;
    this.manifest = manifest;
    this.definition = definition;
  }

  /**
   * Looks whether it can be done.
   *
   * @throws ConfigException if the checkpoint does not say what its model is
   * @throws CheckpointException if its manifest cannot be used
   */
  public static ModelExport of(CheckpointFolder folder, long step) throws IOException {
    CheckpointManifest manifest = folder.manifest(step);
    JsonNode model = manifest.content().path(MODEL);
    String where = folder.where(step) + "/" + CheckpointManifest.FILE;
    if (!model.isObject()) {
      throw new ConfigException(
          "", where + ": does not say what its model is, so there is nothing to export it as");
    }
    ModelDefinition definition =
        ModelFamilies.parse(where + ": " + MODEL, model, DataSizes.unknown());
    try (Model built = definition.model()) {
      requireSame(
          where, manifest.content().path(PARAMETERS), HuggingFaceLayout.parameters(built).toList());
    }
    return new ModelExport(folder, manifest, definition);
  }

  private static void requireSame(String where, JsonNode held, List<ParameterSpec> specs)
      throws CheckpointException {
    Iterator<JsonNode> parameters = held.elements();
    for (ParameterSpec spec : specs) {
      JsonNode parameter = parameters.hasNext() ? parameters.next() : held.path(specs.size());
      List<Long> shape = new ArrayList<>();
      parameter.path("shape").forEach(size -> shape.add(size.asLong()));
      if (!parameter.path("name").asText().equals(spec.name()) || !shape.equals(spec.shape())) {
        throw new CheckpointException(
            where,
            "its model has "
                + spec.name()
                + " "
                + spec.shape()
                + " where the checkpoint has "
                + (parameter.isMissingNode()
                    ? "nothing"
                    : parameter.path("name").asText() + " " + shape));
      }
    }
    if (held.size() > specs.size()) {
      throw new CheckpointException(
          where,
          "the checkpoint has " + held.size() + " parameters, its model only " + specs.size());
    }
  }

  /** What it is. */
  public ModelDefinition definition() {
    return definition;
  }

  /** What the checkpoint says of itself. */
  public CheckpointManifest manifest() {
    return manifest;
  }

  /**
   * Writes {@code model.safetensors}, {@code config.json}, and tokenizer and columns where the
   * checkpoint knows them. A folder that cannot be filled goes again.
   *
   * @param output not there yet
   * @param dtype of the values in the file
   * @param parameters told after each how many elements it had
   * @throws ConfigException if there is something at {@code output}
   * @throws CheckpointException if a shard is damaged or missing
   */
  public void to(OutputDirectory output, Dtype dtype, LongConsumer parameters) throws IOException {
    Map<String, byte[]> tokenizer = tokenizer();
    output.claimUntilKept();
    try {
      writeValues(output, dtype, parameters);
      ObjectNode config = definition.toJson();
      if (definition instanceof DecoderDefinition && dtype != Dtype.FP32) {
        config.put("torch_dtype", dtype == Dtype.BF16 ? "bfloat16" : "float16");
      }
      tokenizer.forEach(output::write);
      if (manifest.content().path(COLUMNS).isObject()) {
        output.write(TrainingRun.COLUMNS, manifest.content().path(COLUMNS));
      }
      output.write("config.json", config);
      output.keep();
    } catch (UncheckedIOException wrapped) {
      withdraw(output, wrapped.getCause());
      throw wrapped.getCause();
    } catch (IOException | RuntimeException | Error failure) {
      withdraw(output, failure);
      throw failure;
    }
  }

  private static void withdraw(OutputDirectory output, Throwable failure) {
    try {
      output.withdraw();
    } catch (IOException stays) {
      failure.addSuppressed(stays);
    }
  }

  private void writeValues(OutputDirectory output, Dtype dtype, LongConsumer parameters)
      throws IOException {
    try (Model model = definition.model();
        Recut shards = new Recut(folder, manifest);
        ModelFile file = ModelFile.create(output, model, definition.layout(), dtype)) {
      copy(model, new CheckpointValues(shards), file, parameters);
      file.finish();
    }
  }

  /** One parameter after the other; none is held when the next is read. */
  static void copy(Model model, ParameterSource from, ParameterSink to, LongConsumer parameters)
      throws IOException {
    for (ParameterSpec spec : HuggingFaceLayout.parameters(model).toList()) {
      long[] shape = spec.shape().stream().mapToLong(Long::longValue).toArray();
      try (PointerScope scope = new PointerScope()) {
        Tensor value = torch.empty(shape, new TensorOptions(ScalarType.Float), null);
        from.fill(spec, value);
        to.accept(spec, value);
      }
      parameters.accept(spec.elements());
    }
  }

  private Map<String, byte[]> tokenizer() throws IOException {
    Map<String, byte[]> files = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> file : manifest.content().path(TOKENIZER).properties()) {
      if (!file.getKey().matches(FILE_NAME)) {
        throw new CheckpointException(
            folder.where(manifest.step()),
            "its tokenizer has a file called \"" + file.getKey() + "\"");
      }
      files.put(file.getKey(), file.getValue().binaryValue());
    }
    return files;
  }
}
