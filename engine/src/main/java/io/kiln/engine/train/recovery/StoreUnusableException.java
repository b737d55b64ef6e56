package io.kiln.engine.train.recovery;

import java.io.IOException;
import java.io.UncheckedIOException;

/** A run that cannot go on for its store. One line, the same on every rank. */
public final class StoreUnusableException extends UncheckedIOException {
  private static final long serialVersionUID = 1L;

  /**
   * @param line where, what, and the mend
   * @param own what this rank has seen of it; null where another one has
   */
  StoreUnusableException(String line, IOException own) {
    super(line, own == null ? new IOException(line) : own);
  }
}
