package io.kiln.engine.checkpoint;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;

/**
 * Brings native memory into a stream: as it lies there where the stream is a channel too, else by
 * way of the heap.
 */
final class NativeOutput {
  /** What to hand over at once: stays in a core's cache from one pass over it to the next. */
  static final int PIECE_BYTES = 256 << 10;

  private final OutputStream stream;
  private byte[] heap = new byte[0];

  /**
   * @param stream not closed here
   */
  NativeOutput(OutputStream stream) {
    this.stream = stream;
  }

  /** Writes all that remains of {@code bytes}. */
  void write(ByteBuffer bytes) throws IOException {
    if (stream instanceof WritableByteChannel channel) {
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      return;
    }
    if (heap.length == 0) {
      heap = new byte[PIECE_BYTES];
    }
    while (bytes.hasRemaining()) {
      int count = Math.min(heap.length, bytes.remaining());
      bytes.get(heap, 0, count);
      stream.write(heap, 0, count);
    }
  }
}
