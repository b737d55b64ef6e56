package io.kiln.engine.checkpoint;

/**
 * A checkpoint that a newer Kiln has written: nothing is wrong with it, this one cannot read it.
 */
public final class NewerFormatException extends CheckpointException {
  private static final long serialVersionUID = 1L;

  /**
   * @param where its manifest
   * @param version of its format
   */
  NewerFormatException(String where, int version) {
    super(
        where,
        "has the format version "
            + version
            + ", this Kiln reads up to "
            + CheckpointManifest.FORMAT_VERSION
            + ": use the Kiln that wrote it, or a newer one");
  }
}
