package io.kiln.engine.checkpoint;

import java.io.EOFException;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.util.List;
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

  /** Bytes that somebody wants: {@code sink} gets them, in order. */
  record Range(long position, long count, Sink sink) {
    private long firstChunk() {
      return position / Checksums.CHUNK_BYTES;
    }

    private long lastChunk() {
      return Math.max(position, position + count - 1) / Checksums.CHUNK_BYTES;
    }
  }

  /** Reads {@code count} bytes from {@code position} into {@code sink}, in order. */
  void read(long position, long count, Sink sink) throws IOException {
    read(List.of(new Range(position, count, sink)));
  }

  /**
   * Reads ranges, several chunks at once where they follow each other.
   *
   * @param ranges in the order of their positions
   */
  void read(List<Range> ranges) throws IOException {
    for (int next = 0; next < ranges.size(); ) {
      int first = next;
      long last = ranges.get(first).lastChunk();
      for (next++; next < ranges.size() && ranges.get(next).firstChunk() <= last + 1; next++) {
        last = Math.max(last, ranges.get(next).lastChunk());
      }
      for (Range range : ranges.subList(first, next)) {
        read(range, last);
      }
      keep(last);
    }
  }

  /**
   * Reads a range.
   *
   * @param last all chunks up to this one are wanted
   */
  private void read(Range range, long last) throws IOException {
    RecentChunks.Stretch stretch = chunks.stretch();
    long end = range.position() + range.count();
    for (long at = range.position(); at < end; ) {
      long number = at / Checksums.CHUNK_BYTES;
      int from = (int) (at % Checksums.CHUNK_BYTES);
      int now = (int) Math.min(chunkLength(number) - from, end - at);
      if (number < last && number != chunks.of(this).number && stretch.offset(this, number) < 0) {
        int count = (int) Math.min(RecentChunks.STRETCH, last - number + 1);
        stretch.clear();
        load(number, count, stretch.bytes);
        stretch.holds(this, number, count);
      }
      int offset = stretch.offset(this, number);
      if (offset < 0) {
        range.sink().accept(load(number), from, now);
      } else {
        range.sink().accept(stretch.bytes, offset + from, now);
      }
      at += now;
    }
  }

  /** What is read next of this file begins where this has ended; the stretch may be another's. */
  private void keep(long last) {
    int offset = chunks.stretch().offset(this, last);
    if (offset >= 0) {
      RecentChunks.Chunk recent = chunks.of(this);
      System.arraycopy(chunks.stretch().bytes, offset, recent.bytes, 0, chunkLength(last));
      recent.number = last;
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
      load(number, 1, chunk.bytes);
      chunk.number = number;
    }
    return chunk.bytes;
  }

  /** Reads and checks chunks that follow each other. */
  private void load(long first, int count, byte[] target) throws IOException {
    long start = first * Checksums.CHUNK_BYTES;
    long end = Math.min(shard.length(), start + (long) count * Checksums.CHUNK_BYTES);
    try {
      file.readFully(start, target, 0, (int) (end - start));
    } catch (EOFException shorter) {
      throw new CheckpointException(where, "became shorter while it was read", shorter);
    }
    for (int i = 0; i < count; i++) {
      check(first + i, target, i * Checksums.CHUNK_BYTES);
    }
  }

  private void check(long number, byte[] bytes, int offset) throws CheckpointException {
    int found = Checksums.of(bytes, offset, chunkLength(number));
    int expected = shard.checksums().get((int) number);
    if (found != expected) {
      long start = number * Checksums.CHUNK_BYTES;
      throw new CheckpointException(
          where,
          "is damaged: the checksum of bytes "
              + start
              + " to "
              + (start + chunkLength(number))
              + " is "
              + Checksums.text(found)
              + ", the manifest says "
              + Checksums.text(expected));
    }
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
