package io.kiln.engine.checkpoint;

import java.io.IOException;

/** A file that is not the safetensors file it should be. One line: which, and what is wrong. */
public final class SafetensorsException extends IOException {
  private static final long serialVersionUID = 1L;

  /**
   * @param where the file
   * @param what what is wrong with it
   */
  public SafetensorsException(Object where, String what) {
    super(where + ": " + what);
  }

  SafetensorsException(Object where, String what, Throwable cause) {
    super(where + ": " + what, cause);
  }
}
