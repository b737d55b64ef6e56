package io.kiln.engine.checkpoint;

import java.io.EOFException;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.util.function.LongConsumer;

/**
 * A file of a checkpoint, every byte of which is checked before it is handed out: it is read by
 * whole chunks, and a chunk whose checksum is another than the manifest's is an error.
 */
final class VerifiedFile implements AutoCloseable {
  private final String where;
  private final StoredShard shard;
  private final StoredFile file;
  private final RecentChunks chunks;

  private VerifiedFile(String where, StoredShard shard, StoredFile file, RecentChunks chunks) {
    this.where = where;
    this.shard = shard;
    this.file = file;
    this.chunks = chunks;
  }

  /**
   * Opens it.
   *
   * @param chunks where what was read last is kept
   * @throws CheckpointException if it is missing or of another length
   */
  static VerifiedFile open(
      CheckpointStore store, String folder, StoredShard shard, RecentChunks chunks)
      throws IOException {
    String where = store.location() + "/" + folder + "/" + shard.file();
    StoredFile file;
    try {
      file = store.open(folder + "/" + shard.file());
    } catch (NoSuchFileException missing) {
      throw new CheckpointException(where, "is missing", missing);
    }
    if (file.length() != shard.length()) {
      file.close();
      throw new CheckpointException(
          where,
          "has " + file.length() + " bytes, the manifest says " + shard.length() + ": truncated?");
    }
    return new VerifiedFile(where, shard, file, chunks);
  }

  String where() {
    return where;
  }

  long length() {
    return shard.length();
  }

  /** Takes bytes as they come. */
  interface Sink {
    void accept(byte[] bytes, int offset, int length);
  }

  /** Reads {@code count} bytes from {@code position} into {@code sink}, in order. */
  void read(long position, long count, Sink sink) throws IOException {
    long end = position + count;
    for (long at = position; at < end; ) {
      long number = at / Checksums.CHUNK_BYTES;
      long start = number * Checksums.CHUNK_BYTES;
      byte[] bytes = load(number);
      int from = (int) (at - start);
      int now = (int) Math.min(chunkLength(number) - from, end - at);
      sink.accept(bytes, from, now);
      at += now;
    }
  }

  /**
   * Reads all of it.
   *
   * @param read told after every chunk how many bytes it had
   */
  void verify(LongConsumer read) throws IOException {
    for (long number = 0; number < shard.checksums().size(); number++) {
      load(number);
      read.accept(chunkLength(number));
    }
  }

  private int chunkLength(long number) {
    return (int) Math.min(Checksums.CHUNK_BYTES, shard.length() - number * Checksums.CHUNK_BYTES);
  }

  private byte[] load(long number) throws IOException {
    RecentChunks.Chunk chunk = chunks.of(this);
    if (number != chunk.number) {
      chunk.number = -1;
      long start = number * Checksums.CHUNK_BYTES;
      int bytes = chunkLength(number);
      try {
        file.readFully(start, chunk.bytes, 0, bytes);
      } catch (EOFException shorter) {
        throw new CheckpointException(where, "became shorter while it was read", shorter);
      }
      int found = Checksums.of(chunk.bytes, 0, bytes);
      int expected = shard.checksums().get((int) number);
      if (found != expected) {
        throw new CheckpointException(
            where,
            "is damaged: the checksum of bytes "
                + start
                + " to "
                + (start + bytes)
                + " is "
                + Checksums.text(found)
                + ", the manifest says "
                + Checksums.text(expected));
      }
      chunk.number = number;
    }
    return chunk.bytes;
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
