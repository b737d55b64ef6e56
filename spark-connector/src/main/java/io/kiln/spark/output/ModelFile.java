package io.kiln.spark.output;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.ParameterSpec;
import io.kiln.engine.model.family.HuggingFaceLayout;
import io.kiln.engine.train.ParameterSink;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/**
 * {@code model.safetensors} as it is written, tensor after tensor, in fp32 and under Hugging Face's
 * names: eight bytes that say how long the header is (little-endian), the header in JSON, the
 * values (github.com/huggingface/safetensors, Format).
 */
public final class ModelFile implements ParameterSink, AutoCloseable {
  /** Its name in the output directory. */
  public static final String NAME = "model.safetensors";

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int ALIGNMENT = 8;
  private static final int CHUNK = 1 << 20;

  private final OutputStream out;
  private final HuggingFaceLayout layout;
  private final Deque<ParameterSpec> expected;
  private final byte[] chunk = new byte[CHUNK];
  private boolean finished;

  private ModelFile(OutputStream out, HuggingFaceLayout layout, List<ParameterSpec> parameters) {
    this.out = out;
    this.layout = layout;
    this.expected = new ArrayDeque<>(parameters);
  }

  /** Begins the file; its header says all parameters of the model, each once. */
  public static ModelFile create(OutputDirectory folder, Model model, HuggingFaceLayout layout)
      throws IOException {
    List<ParameterSpec> parameters = HuggingFaceLayout.parameters(model).toList();
    ModelFile file = new ModelFile(folder.create(NAME), layout, parameters);
    byte[] header = file.header(parameters);
    file.out.write(
        ByteBuffer.allocate(Long.BYTES)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(header.length)
            .array());
    file.out.write(header);
    return file;
  }

  private byte[] header(List<ParameterSpec> parameters) {
    ObjectNode header = JSON.createObjectNode();
    header.putObject("__metadata__").put("format", "pt");
    long begin = 0;
    for (ParameterSpec spec : parameters) {
      ObjectNode entry = header.putObject(layout.names(spec).get(0)).put("dtype", "F32");
      layout.shape(spec).forEach(entry.putArray("shape")::add);
      ArrayNode offsets = entry.putArray("data_offsets").add(begin);
      begin += Float.BYTES * spec.elements();
      offsets.add(begin);
    }
    StringBuilder text = new StringBuilder(header.toString());
    while (text.toString().getBytes(StandardCharsets.UTF_8).length % ALIGNMENT != 0) {
      text.append(' ');
    }
    return text.toString().getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public void accept(ParameterSpec spec, Tensor value) {
    ParameterSpec next = expected.poll();
    if (next == null || !next.name().equals(spec.name())) {
      throw new IllegalStateException(
          "parameter " + spec.name() + " comes where " + next + " belongs");
    }
    try (PointerScope scope = new PointerScope()) {
      Tensor lying = layout.toFile(spec, value).contiguous().cpu();
      BytePointer bytes = new BytePointer(lying.data_ptr());
      long size = Float.BYTES * spec.elements();
      for (long at = 0; at < size; at += CHUNK) {
        int count = (int) Math.min(CHUNK, size - at);
        bytes.position(at).get(chunk, 0, count);
        out.write(chunk, 0, count);
      }
    } catch (IOException unwritable) {
      throw new UncheckedIOException(unwritable);
    }
  }

  /** Says that all values have come; only then does the file get its name. */
  public void finish() throws IOException {
    if (!expected.isEmpty()) {
      throw new IllegalStateException("parameter " + expected.peek().name() + " never came");
    }
    finished = true;
    out.close();
  }

  @Override
  public void close() {
    if (!finished) {
      // Without its name: nobody takes half a model for a whole one.
      finished = true;
    }
  }
}
