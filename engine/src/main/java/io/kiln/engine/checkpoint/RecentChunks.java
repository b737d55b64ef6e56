package io.kiln.engine.checkpoint;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The chunk that was read last of each of some files, those used last: what several open files need
 * of the heap, whatever their number.
 */
final class RecentChunks {
  private static final int FILES = 16;

  private final Map<VerifiedFile, Chunk> chunks = new LinkedHashMap<>(FILES, 0.75f, true);

  /** A chunk's bytes, and which one of its file it is; none while {@code number} is negative. */
  static final class Chunk {
    final byte[] bytes;
    long number = -1;

    private Chunk(int length) {
      bytes = new byte[length];
    }
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
