package io.kiln.datasource.rank;

import io.kiln.datasource.DataException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A stretch of native memory, or of a mapped file that has no name any more: it is gone when the
 * mapping is, even if the process is killed.
 */
final class NativeBytes implements AutoCloseable {
  private static final int ZEROS = 1 << 20;

  private final Tensor storage;
  private final BytePointer bytes;
  private final long size;
  private final boolean spilled;

  private NativeBytes(Tensor storage, BytePointer bytes, long size, boolean spilled) {
    this.storage = storage;
    this.bytes = bytes;
    this.size = size;
    this.spilled = spilled;
  }

  /** Memory of this process. */
  static NativeBytes memory(long size) {
    try (PointerScope scope = new PointerScope();
        TensorOptions options = new TensorOptions(ScalarType.Byte)) {
      return hold(torch.empty(new long[] {Math.max(1, size)}, options, null), size, false);
    }
  }

  /** A mapped file in a directory, which must have room for it. */
  static NativeBytes file(Path directory, long size) {
    Path file = null;
    try {
      Files.createDirectories(directory);
      file = Files.createTempFile(directory, "kiln-samples-", ".bin");
      reserve(file, size);
      try (PointerScope scope = new PointerScope();
          TensorOptions options = new TensorOptions(ScalarType.Byte)) {
        Tensor mapped =
            torch.from_file(
                file.toString(), new BoolOptional(true), new LongOptional(size), options);
        return hold(mapped, size, true);
      }
    } catch (IOException e) {
      throw new DataException(
          "No room for "
              + size
              + " bytes of samples in "
              + directory
              + " ("
              + e.getMessage()
              + "): free some, or name another local directory",
          e);
    } finally {
      if (file != null) {
        // Unlinked at once: the mapping keeps the bytes, nothing keeps the name.
        file.toFile().delete();
      }
    }
  }

  /** Writes the file whole: a hole in a mapped file is a SIGBUS when the disk is full. */
  private static void reserve(Path file, long size) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      ByteBuffer zeros = ByteBuffer.allocateDirect((int) Math.min(ZEROS, size));
      long written = 0;
      while (written < size) {
        zeros.clear().limit((int) Math.min(zeros.capacity(), size - written));
        written += channel.write(zeros);
      }
    }
  }

  private static NativeBytes hold(Tensor storage, long size, boolean spilled) {
    storage.retainReference();
    BytePointer bytes = new BytePointer(storage.data_ptr());
    bytes.capacity(size).retainReference();
    return new NativeBytes(storage, bytes, size, spilled);
  }

  long size() {
    return size;
  }

  boolean spilled() {
    return spilled;
  }

  /** Its first byte; closed with this object. */
  BytePointer pointer() {
    return bytes;
  }

  /** Copies source[from, from + count) to byte offset at. */
  void write(long at, byte[] source, int from, int count) {
    // put(byte[], ...) writes at the pointer's own position.
    bytes.position(at).put(source, from, count);
    bytes.position(0);
  }

  @Override
  public void close() {
    bytes.close();
    storage.close();
  }
}
