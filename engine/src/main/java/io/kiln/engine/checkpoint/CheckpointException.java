package io.kiln.engine.checkpoint;

import java.io.IOException;

/** A checkpoint that cannot be used or written. One line: where, what, and the mend. */
public sealed class CheckpointException extends IOException permits NewerFormatException {
  private static final long serialVersionUID = 1L;

  /**
   * @param where the checkpoint, or the file of it
   * @param what is wrong with it
   */
  public CheckpointException(String where, String what) {
    super(where + ": " + what);
  }

  /** The same, with the cause. */
  public CheckpointException(String where, String what, Throwable cause) {
    super(where + ": " + what, cause);
  }
}
