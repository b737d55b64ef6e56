package io.kiln.datasource.packing;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Pieces of samples for one rank, one behind the other in a byte array: few large records instead
 * of many small ones travel through the shuffle.
 */
public final class PieceBuffer {
  private static final int HEADER = Long.BYTES + 2 * Integer.BYTES;

  private byte[] bytes = new byte[1 << 12];
  private int size;

  /** Adds a piece; see {@link SampleSink#piece}. */
  public void add(boolean evaluation, long slot, int at, byte[] source, int from, int count) {
    int needed = Math.addExact(size, HEADER + count);
    if (needed > bytes.length) {
      bytes = Arrays.copyOf(bytes, (int) Math.max(needed, Math.min(2L * bytes.length, 1 << 30)));
    }
    ByteBuffer.wrap(bytes)
        .putLong(size, slot << 1 | (evaluation ? 1 : 0))
        .putInt(size + Long.BYTES, at)
        .putInt(size + Long.BYTES + Integer.BYTES, count);
    System.arraycopy(source, from, bytes, size + HEADER, count);
    size = needed;
  }

  /** Bytes of all pieces in it. */
  public int size() {
    return size;
  }

  /** Gives all pieces as a record of their own and becomes empty. */
  public byte[] take() {
    byte[] record = Arrays.copyOf(bytes, size);
    size = 0;
    return record;
  }

  /** Gives the pieces of a record, in the order they were added, as those of one rank. */
  public static void read(byte[] record, int rank, SampleSink sink) {
    ByteBuffer buffer = ByteBuffer.wrap(record);
    int position = 0;
    while (position < record.length) {
      long slot = buffer.getLong(position);
      int at = buffer.getInt(position + Long.BYTES);
      int count = buffer.getInt(position + Long.BYTES + Integer.BYTES);
      sink.piece(rank, (slot & 1) == 1, slot >>> 1, at, record, position + HEADER, count);
      position += HEADER + count;
    }
  }
}
