package io.kiln.spark.output;

import io.kiln.engine.checkpoint.SafetensorsWriter;
import io.kiln.engine.checkpoint.SafetensorsWriter.Declared;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.ParameterSpec;
import io.kiln.engine.model.family.HuggingFaceLayout;
import io.kiln.engine.tensor.Dtype;
import io.kiln.engine.train.ParameterSink;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/**
 * {@code model.safetensors} as it is written, parameter after parameter, under Hugging Face's
 * names.
 */
public final class ModelFile implements ParameterSink, AutoCloseable {
  /** Its name in the output directory. */
  public static final String NAME = "model.safetensors";

  private final OutputDirectory.Draft draft;
  private final SafetensorsWriter writer;
  private final HuggingFaceLayout layout;

  private ModelFile(
      OutputDirectory.Draft draft, SafetensorsWriter writer, HuggingFaceLayout layout) {
    this.draft = draft;
    this.writer = writer;
    this.layout = layout;
  }

  /** Begins the file, in fp32; its header says all parameters of the model, each once. */
  public static ModelFile create(OutputDirectory folder, Model model, HuggingFaceLayout layout)
      throws IOException {
    return create(folder, model, layout, Dtype.FP32);
  }

  /**
   * The same in another dtype.
   *
   * @param dtype of the values in the file
   */
  public static ModelFile create(
      OutputDirectory folder, Model model, HuggingFaceLayout layout, Dtype dtype)
      throws IOException {
    List<Declared> declared =
        HuggingFaceLayout.parameters(model)
            .map(spec -> new Declared(layout.names(spec).get(0), dtype, layout.shape(spec)))
            .toList();
    OutputDirectory.Draft draft = folder.create(NAME);
    return new ModelFile(draft, new SafetensorsWriter(draft.out(), declared, Map.of()), layout);
  }

  @Override
  public void accept(ParameterSpec spec, Tensor value) {
    try (PointerScope scope = new PointerScope()) {
      writer.write(layout.names(spec).get(0), layout.toFile(spec, value));
    } catch (IOException unwritable) {
      throw new UncheckedIOException(unwritable);
    }
  }

  /** Says that all values have come; only then does the file get its name. */
  public void finish() throws IOException {
    writer.close();
    draft.publish();
  }

  @Override
  public void close() throws IOException {
    draft.close();
  }
}
