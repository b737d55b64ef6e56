package io.kiln.engine.checkpoint;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * CRC-32C (RFC 3720; the processor's own instruction) of a file as it is written, a number for
 * every {@link #CHUNK_BYTES}: a reader that wants a part of the file can still check each byte.
 */
final class Checksums extends OutputStream implements WritableByteChannel {
  /** Bytes that share a checksum. */
  static final int CHUNK_BYTES = 4 << 20;

  private final OutputStream out;
  private final NativeOutput nativeOut;
  private final CRC32C running = new CRC32C();
  private final List<Integer> chunks = new ArrayList<>();
  private long length;
  private boolean open = true;

  Checksums(OutputStream out) {
    this.out = out;
    this.nativeOut = new NativeOutput(out);
  }

  /** The checksum of some bytes. */
  static int of(byte[] bytes, int offset, int length) {
    CRC32C checksum = new CRC32C();
    checksum.update(bytes, offset, length);
    return (int) checksum.getValue();
  }

  /** As text: eight hexadecimal digits. */
  static String text(int checksum) {
    return String.format("%08x", checksum);
  }

  @Override
  public void write(int single) throws IOException {
    write(new byte[] {(byte) single}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int count) throws IOException {
    out.write(bytes, offset, count);
    add(ByteBuffer.wrap(bytes, offset, count));
  }

  @Override
  public int write(ByteBuffer bytes) throws IOException {
    int count = bytes.remaining();
    add(bytes.duplicate());
    nativeOut.write(bytes);
    return count;
  }

  private void add(ByteBuffer bytes) {
    int end = bytes.limit();
    while (bytes.position() < end) {
      int now = (int) Math.min(end - bytes.position(), CHUNK_BYTES - length % CHUNK_BYTES);
      running.update(bytes.limit(bytes.position() + now));
      length += now;
      if (length % CHUNK_BYTES == 0) {
        endChunk();
      }
    }
  }

  private void endChunk() {
    chunks.add((int) running.getValue());
    running.reset();
  }

  /** What was written, when all has been. */
  StoredShard written(String file) {
    if (length % CHUNK_BYTES != 0) {
      endChunk();
    }
    return new StoredShard(file, length, chunks);
  }

  @Override
  public void flush() throws IOException {
    out.flush();
  }

  @Override
  public boolean isOpen() {
    return open;
  }

  @Override
  public void close() throws IOException {
    open = false;
    out.close();
  }
}
