package io.kiln.engine.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A safetensors file open for reading. Its header is checked whole before any tensor is read; bytes
 * go straight from the file into native memory.
 */
public final class SafetensorsFile implements AutoCloseable {
  /** A buffer's size is an int. */
  private static final long MOST_BYTES_A_READ = 1L << 30;

  private static final String LFS_POINTER = "version ";

  private final Path path;
  private final FileChannel channel;
  private final SafetensorsHeader header;
  private final long dataStart;

  private SafetensorsFile(Path path, FileChannel channel) throws IOException {
    this.path = path;
    this.channel = channel;
    long size = channel.size();
    ByteBuffer length = ByteBuffer.allocate(SafetensorsHeader.LENGTH_BYTES);
    if (size < length.capacity()) {
      throw new SafetensorsException(
          path, "is not a safetensors file: it has only " + size + " bytes");
    }
    readFully(length, 0);
    if (new String(length.array(), StandardCharsets.US_ASCII).equals(LFS_POINTER)) {
      throw new SafetensorsException(
          path, "is a git-lfs pointer, not the file itself: fetch it with git lfs pull");
    }
    long headerBytes = length.order(ByteOrder.LITTLE_ENDIAN).getLong(0);
    if (headerBytes < 2 || headerBytes > SafetensorsHeader.MOST_BYTES) {
      throw new SafetensorsException(
          path,
          "is not a safetensors file: its first eight bytes say a header of "
              + Long.toUnsignedString(headerBytes)
              + " bytes");
    }
    if (headerBytes > size - SafetensorsHeader.LENGTH_BYTES) {
      throw new SafetensorsException(
          path,
          "is truncated inside its header: "
              + headerBytes
              + " bytes of it promised, "
              + (size - SafetensorsHeader.LENGTH_BYTES)
              + " there");
    }
    ByteBuffer json = ByteBuffer.allocate((int) headerBytes);
    readFully(json, SafetensorsHeader.LENGTH_BYTES);
    this.dataStart = SafetensorsHeader.LENGTH_BYTES + headerBytes;
    this.header = SafetensorsHeader.decode(path, json.array(), size - dataStart);
  }

  /**
   * Opens a file and checks its header.
   *
   * @throws SafetensorsException if it is truncated or something else
   */
  public static SafetensorsFile open(Path path) throws IOException {
    FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
    try {
      return new SafetensorsFile(path, channel);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /** Names of its tensors, in the order of the header. */
  public Set<String> names() {
    return header.entries().keySet();
  }

  /** A tensor's dtype and shape. */
  public Optional<SafetensorsEntry> entry(String name) {
    return Optional.ofNullable(header.entries().get(name));
  }

  /** Free text of the header. */
  public Map<String, String> metadata() {
    return Map.copyOf(header.metadata());
  }

  /**
   * Copies a tensor, converting between floating-point dtypes.
   *
   * @param target of the file's shape, any strides; its dtype is kept
   * @throws SafetensorsException if there is none of that name, shape or a floating-point dtype
   */
  public void read(String name, Tensor target) throws IOException {
    SafetensorsEntry entry =
        entry(name).orElseThrow(() -> new SafetensorsException(path, "has no tensor " + name));
    List<Long> shape = java.util.Arrays.stream(target.shape()).boxed().toList();
    if (!entry.shape().equals(shape)) {
      throw new SafetensorsException(
          path, name + " has the shape " + entry.shape() + ", expected " + shape);
    }
    ScalarType type = scalarType(entry);
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      boolean direct =
          target.is_contiguous()
              && target.is_cpu()
              && target.scalar_type().intern() == type.intern();
      Tensor bytes =
          direct ? target.detach() : torch.empty(target.shape(), new TensorOptions(type), null);
      readInto(entry, bytes);
      if (!direct) {
        target.detach().copy_(bytes);
      }
    }
  }

  private ScalarType scalarType(SafetensorsEntry entry) throws SafetensorsException {
    return switch (entry.dtype()) {
      case "F64" -> ScalarType.Double;
      case "F32" -> ScalarType.Float;
      case "F16" -> ScalarType.Half;
      case "BF16" -> ScalarType.BFloat16;
      default ->
          throw new SafetensorsException(
              path,
              entry.name()
                  + " is of dtype "
                  + entry.dtype()
                  + "; parameters are read from F64, F32, F16 or BF16");
    };
  }

  private void readInto(SafetensorsEntry entry, Tensor target) throws IOException {
    long bytes = entry.end() - entry.begin();
    BytePointer start = new BytePointer(target.data_ptr());
    for (long at = 0; at < bytes; at += MOST_BYTES_A_READ) {
      long length = Math.min(MOST_BYTES_A_READ, bytes - at);
      readFully(
          start.position(at).limit(at + length).asByteBuffer(), dataStart + entry.begin() + at);
    }
  }

  private void readFully(ByteBuffer target, long position) throws IOException {
    long at = position;
    while (target.hasRemaining()) {
      int read = channel.read(target, at);
      if (read < 0) {
        throw new SafetensorsException(path, "became shorter while it was read");
      }
      at += read;
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
