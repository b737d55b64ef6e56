package io.kiln.engine.comm;

import java.util.ArrayList;
import java.util.List;

/**
 * Memory for what arrives and must be added or converted: kept, because fresh pages cost as much as
 * the copy itself.
 */
final class StagingBuffers implements AutoCloseable {
  private final List<Span> free = new ArrayList<>();

  /** A buffer of at least so many bytes, as bytes; whoever takes it gives it back. */
  Span take(long bytes) {
    Span best = null;
    for (Span buffer : free) {
      boolean fits = buffer.length() >= bytes;
      if (fits && (best == null || buffer.length() < best.length())) {
        best = buffer;
      }
    }
    if (best != null) {
      free.remove(best);
      return best;
    }
    if (!free.isEmpty()) {
      // None is large enough: a larger one takes the place of one of them.
      free.remove(free.size() - 1).close();
    }
    return Span.allocateBytes((bytes + 63) / 64 * 64 + 64);
  }

  void give(Span buffer) {
    free.add(buffer);
  }

  @Override
  public void close() {
    free.forEach(Span::close);
    free.clear();
  }
}
