package io.kiln.engine.checkpoint;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;

/** A local file system that refuses or is full. One line: what, where, and the mend. */
public final class LocalStoreException extends IOException {
  private static final long serialVersionUID = 1L;
  private static final String ANOTHER = "or name another checkpoint_dir";

  private LocalStoreException(String line, IOException cause) {
    super(line, cause);
  }

  /**
   * Tells an error of the file system.
   *
   * @param done what could not be: "written", "read" …
   */
  static LocalStoreException of(String done, Path where, IOException cause) {
    if (cause instanceof LocalStoreException told) {
      return told;
    }
    for (Path above = where; above != null; above = above.getParent()) {
      if (!above.equals(where) && Files.isRegularFile(above)) {
        return new LocalStoreException(aFile(above), cause);
      }
    }
    if (Files.isDirectory(where) && !(cause instanceof AccessDeniedException)) {
      return new LocalStoreException(where + " is a folder: move it away, " + ANOTHER, cause);
    }
    return new LocalStoreException(
        where + " cannot be " + done + ": " + reason(done, cause), cause);
  }

  private static String aFile(Path where) {
    return where + " is a file, not a folder: move it away, " + ANOTHER;
  }

  /** A file where a folder is wanted. */
  static NotDirectoryException file(Path where) {
    return new NotDirectoryException(where.toString()) {
      private static final long serialVersionUID = 1L;

      @Override
      public String getMessage() {
        return aFile(where);
      }
    };
  }

  private static String reason(String done, IOException cause) {
    String said =
        cause instanceof FileSystemException told && told.getReason() != null
            ? told.getReason()
            : String.valueOf(cause.getMessage()).lines().findFirst().orElse("");
    if (cause instanceof AccessDeniedException) {
      return "the user "
          + System.getProperty("user.name")
          + " has no right to; give it to them, "
          + ANOTHER;
    }
    if (said.contains("No space left") || said.contains("quota")) {
      return said + "; free some, keep fewer checkpoints, " + ANOTHER;
    }
    if (cause instanceof NoSuchFileException) {
      return said + " cannot be made; make it, " + ANOTHER;
    }
    return said
        + (done.equals("read")
            ? "; check the disk, or the mount"
            : "; check the disk, or the mount, " + ANOTHER);
  }
}
