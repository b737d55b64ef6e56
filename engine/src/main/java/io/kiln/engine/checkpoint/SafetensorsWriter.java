package io.kiln.engine.checkpoint;

import io.kiln.engine.tensor.Dtype;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/**
 * Writes a safetensors file front to back into a stream, one tensor in memory at a time (and of one
 * in another dtype or order no second copy): the header is known before any value is.
 */
public final class SafetensorsWriter implements AutoCloseable {
  private static final int SLICE_BYTES = 1 << 20;

  /**
   * A tensor that will be written.
   *
   * @param name its key
   * @param dtype what it is written in
   * @param shape its sizes
   */
  public record Declared(String name, Dtype dtype, List<Long> shape) {}

  private final OutputStream stream;
  private final List<Declared> declared;
  private final NativeOutput nativeOut;
  private int next;

  /**
   * Writes the header.
   *
   * @param stream closed with this
   * @param declared the tensors in the order in which they will be written
   * @param metadata free text; Hugging Face's loader wants {@code format: pt} in it, which is added
   */
  public SafetensorsWriter(
      OutputStream stream, List<Declared> declared, Map<String, String> metadata)
      throws IOException {
    this.stream = stream;
    this.nativeOut = new NativeOutput(stream);
    this.declared = List.copyOf(declared);
    Map<String, SafetensorsEntry> entries = new LinkedHashMap<>();
    long at = 0;
    for (Declared tensor : this.declared) {
      long elements = 1;
      for (long size : tensor.shape()) {
        elements = Math.multiplyExact(elements, size);
      }
      long end = at + Math.multiplyExact(elements, tensor.dtype().bytes());
      SafetensorsEntry entry =
          new SafetensorsEntry(
              tensor.name(), tensor.dtype().safetensors(), tensor.shape(), at, end);
      if (entries.put(tensor.name(), entry) != null) {
        throw new IllegalArgumentException("two tensors are called " + tensor.name());
      }
      at = end;
    }
    Map<String, String> texts = new LinkedHashMap<>(Map.of("format", "pt"));
    texts.putAll(metadata);
    stream.write(new SafetensorsHeader(entries, texts).encoded());
  }

  /**
   * Writes the next tensor.
   *
   * @param name the next declared name
   * @param value of the declared shape, any floating-point dtype, strides and device
   */
  public void write(String name, Tensor value) throws IOException {
    if (next == declared.size() || !declared.get(next).name().equals(name)) {
      throw new IllegalStateException(
          name
              + " came where "
              + (next == declared.size() ? "nothing" : declared.get(next).name())
              + " was declared");
    }
    Declared tensor = declared.get(next);
    List<Long> shape = new ArrayList<>();
    for (long size : value.shape()) {
      shape.add(size);
    }
    if (!shape.equals(tensor.shape())) {
      throw new IllegalArgumentException(
          name + " has the shape " + shape + ", declared was " + tensor.shape());
    }
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      Tensor plain = value.detach();
      if (shape.isEmpty() || isAsWritten(plain, tensor.dtype())) {
        writeBytes(plain, tensor.dtype());
      } else {
        writeInSlices(plain, tensor.dtype());
      }
    }
    next++;
  }

  private static boolean isAsWritten(Tensor value, Dtype dtype) {
    return value.is_cpu()
        && value.scalar_type().intern() == dtype.scalarType()
        && value.is_contiguous();
  }

  /** What has to be brought into another form is never there twice: slice after slice. */
  private void writeInSlices(Tensor value, Dtype dtype) throws IOException {
    long rows = value.size(0);
    long rowBytes = Math.max(1, value.numel() / Math.max(1, rows) * dtype.bytes());
    long step = Math.max(1, SLICE_BYTES / rowBytes);
    for (long row = 0; row < rows; row += step) {
      try (PointerScope scope = new PointerScope()) {
        writeBytes(value.narrow(0, row, Math.min(step, rows - row)), dtype);
      }
    }
  }

  private void writeBytes(Tensor value, Dtype dtype) throws IOException {
    Tensor bytes = value.cpu().to(dtype.scalarType()).contiguous();
    BytePointer pointer = new BytePointer(bytes.data_ptr());
    long count = bytes.numel() * dtype.bytes();
    for (long at = 0; at < count; at += NativeOutput.PIECE_BYTES) {
      long end = Math.min(at + NativeOutput.PIECE_BYTES, count);
      nativeOut.write(pointer.position(at).limit(end).asByteBuffer());
    }
  }

  /**
   * Ends the file.
   *
   * @throws IllegalStateException if a declared tensor is missing; the stream is closed all the
   *     same
   */
  @Override
  public void close() throws IOException {
    stream.close();
    if (next < declared.size()) {
      throw new IllegalStateException(
          "the file ends before " + declared.get(next).name() + ": it is not complete");
    }
  }
}
