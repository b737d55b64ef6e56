package io.kiln.engine.checkpoint;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The chunk that was read last of each of some files, those used last, and one stretch of chunks of
 * the file that is being read: what several open files need of the heap, whatever their number.
 */
final class RecentChunks {
  /** Chunks that are read at once where so many are wanted: an object store answers requests. */
  static final int STRETCH = 4;

  private static final int FILES = 16;

  private final Map<VerifiedFile, Chunk> chunks = new LinkedHashMap<>(FILES, 0.75f, true);
  private final Stretch stretch = new Stretch();

  /** A chunk's bytes, and which one of its file it is; none while {@code number} is negative. */
  static final class Chunk {
    final byte[] bytes;
    long number = -1;

    private Chunk(int length) {
      bytes = new byte[length];
    }
  }

  /** Chunks that follow each other in one file, which needs them now. */
  static final class Stretch {
    byte[] bytes = new byte[0];
    private VerifiedFile file;
    private long first;
    private int count;

    /** Makes room; nothing is held until {@link #holds}. */
    void clear() {
      count = 0;
      if (bytes.length == 0) {
        bytes = new byte[STRETCH * Checksums.CHUNK_BYTES];
      }
    }

    void holds(VerifiedFile file, long first, int count) {
      this.file = file;
      this.first = first;
      this.count = count;
    }

    /** Where a chunk begins in {@link #bytes}; negative where it is not there. */
    int offset(VerifiedFile wanted, long number) {
      return wanted == file && number >= first && number < first + count
          ? (int) (number - first) * Checksums.CHUNK_BYTES
          : -1;
    }
  }

  Stretch stretch() {
    return stretch;
  }

  /** The one that is kept of a file. */
  Chunk of(VerifiedFile file) {
    Chunk kept = chunks.get(file);
    if (kept == null) {
      if (chunks.size() == FILES) {
        Iterator<VerifiedFile> oldest = chunks.keySet().iterator();
        oldest.next();
        oldest.remove();
      }
      kept = new Chunk((int) Math.min(Checksums.CHUNK_BYTES, file.length()));
      chunks.put(file, kept);
    }
    return kept;
  }
}
