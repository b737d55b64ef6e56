package io.kiln.engine.checkpoint;

import java.util.List;

/**
 * A file of a checkpoint as the manifest knows it.
 *
 * @param file its name in the checkpoint's folder
 * @param length in bytes
 * @param checksums CRC-32C of every {@link Checksums#CHUNK_BYTES} bytes, in order
 */
public record StoredShard(String file, long length, List<Integer> checksums) {
  public StoredShard {
    checksums = List.copyOf(checksums);
    if (length < 0 || checksums.size() != checksums(length)) {
      throw new IllegalArgumentException(
          file + ": " + checksums.size() + " checksums of " + length + " bytes");
    }
  }

  /** How many checksums a file of that length has. */
  public static int checksums(long length) {
    return Math.toIntExact((length + Checksums.CHUNK_BYTES - 1) / Checksums.CHUNK_BYTES);
  }
}
