package io.kiln.datasource;

/** Data that cannot be trained on. The message is one line: what, where, and the mend. */
public class DataException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public DataException(String message) {
    super(message);
  }

  public DataException(String message, Throwable cause) {
    super(message, cause);
  }
}
