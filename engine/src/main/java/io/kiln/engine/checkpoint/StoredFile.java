package io.kiln.engine.checkpoint;

import java.io.IOException;

/** An open file of a {@link CheckpointStore}, read at any place. Used by one thread at a time. */
public interface StoredFile extends AutoCloseable {
  /** Bytes in it. */
  long length();

  /**
   * Reads.
   *
   * @param position of the first byte in the file
   * @throws java.io.EOFException if the file ends before
   */
  void readFully(long position, byte[] target, int offset, int length) throws IOException;

  @Override
  void close() throws IOException;
}
