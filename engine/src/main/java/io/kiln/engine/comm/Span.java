package io.kiln.engine.comm;

import java.nio.ByteBuffer;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A flat run of elements in host memory: a tensor's, or a ring's. Between equal types a copy is a
 * plain memory copy; between others it converts.
 *
 * <p>A span of a tensor keeps its storage alive until {@link #close()}, whatever scope the caller's
 * tensor lived in, and never moves autograd's version counter.
 */
final class Span implements AutoCloseable {
  private static final ScalarType RAW = ScalarType.Byte;

  private final Tensor tensor;
  private final BytePointer bytes;
  private final ScalarType type;
  private final int elementBytes;
  private final long length;

  private Span(Tensor tensor, BytePointer bytes, ScalarType type, int elementBytes, long length) {
    this.tensor = tensor;
    this.bytes = bytes;
    this.type = type;
    this.elementBytes = elementBytes;
    this.length = length;
  }

  /** The tensor's elements. */
  static Span of(Tensor flat) {
    Tensor alias = alias(flat);
    return new Span(
        alias,
        new BytePointer(alias.data_ptr()),
        Flat.type(alias),
        (int) alias.element_size(),
        alias.numel());
  }

  /** The tensor's bytes, whatever its type. */
  static Span bytesOf(Tensor flat) {
    try (PointerScope scope = new PointerScope()) {
      return of(flat.view(RAW));
    }
  }

  /** A direct buffer, seen as elements of a type. The buffer must outlive the span. */
  static Span over(ByteBuffer buffer, ScalarType type, int elementBytes) {
    BytePointer bytes = new BytePointer(buffer);
    long length = buffer.capacity() / elementBytes;
    try (PointerScope scope = new PointerScope()) {
      Tensor tensor = torch.from_blob(bytes, new long[] {length}, new TensorOptions(type));
      tensor.retainReference();
      return new Span(tensor, bytes, type, elementBytes, length);
    }
  }

  /** A direct buffer's bytes. */
  static Span over(ByteBuffer buffer) {
    return over(buffer, RAW, 1);
  }

  /** fp32 memory of its own. */
  static Span allocate(int length) {
    try (PointerScope scope = new PointerScope()) {
      return of(torch.empty(new long[] {length}, new TensorOptions(ScalarType.Float), null));
    }
  }

  /** Bytes of its own. */
  static Span allocateBytes(long length) {
    try (PointerScope scope = new PointerScope()) {
      return of(torch.empty(new long[] {length}, new TensorOptions(RAW), null));
    }
  }

  /** A copy of host numbers. */
  static Span numbers(double... values) {
    Span span = allocateBytes((long) values.length * Double.BYTES);
    Span numbers = span.as(ScalarType.Double, values.length);
    span.close();
    new DoublePointer(numbers.bytes).put(values);
    return numbers;
  }

  /** One of the numbers of a span of {@link ScalarType#Double}. */
  double number(long index) {
    return new DoublePointer(bytes.position(0)).get(index);
  }

  /** The first {@code count} elements of this memory seen as another type. Lives on its own. */
  Span as(ScalarType other, long count) {
    try (PointerScope scope = new PointerScope()) {
      Tensor whole = tensor.view(other);
      return of(whole.narrow(0, 0, count));
    }
  }

  private static Tensor alias(Tensor flat) {
    try (PointerScope scope = new PointerScope()) {
      Tensor alias = flat.variable_data();
      alias.retainReference();
      return alias;
    }
  }

  ScalarType type() {
    return type;
  }

  int elementBytes() {
    return elementBytes;
  }

  /** Elements. */
  long length() {
    return length;
  }

  /** Address of an element. */
  long address(long index) {
    return bytes.position(0).address() + index * elementBytes;
  }

  /** Belongs to the caller's scope. */
  Tensor view(long from, long count) {
    return tensor.narrow(0, from, count);
  }

  /** Copies {@code count} elements; to the very same place it is nothing to do. */
  static void copy(Span source, long from, Span target, long to, long count) {
    if (source.type == target.type) {
      source.bytes.position(from * source.elementBytes);
      target.bytes.position(to * target.elementBytes);
      if (source.bytes.address() + source.bytes.position()
          == target.bytes.address() + target.bytes.position()) {
        return;
      }
      Pointer.memcpy(target.bytes, source.bytes, count * source.elementBytes);
    } else {
      try (PointerScope scope = new PointerScope()) {
        target.view(to, count).copy_(source.view(from, count));
      }
    }
  }

  @Override
  public void close() {
    tensor.releaseReference();
  }
}
