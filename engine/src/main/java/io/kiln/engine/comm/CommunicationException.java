package io.kiln.engine.comm;

/** A collective that could not end: its message says which rank was gone or late, and where. */
public class CommunicationException extends RuntimeException {
  public CommunicationException(String message) {
    super(message);
  }

  public CommunicationException(String message, Throwable cause) {
    super(message, cause);
  }
}
