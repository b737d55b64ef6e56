package io.kiln.spark.output;

/** A file of the output directory that cannot be written. The message is one line. */
public final class UnwritableOutputException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  UnwritableOutputException(String line, Throwable cause) {
    super(line, cause);
  }
}
