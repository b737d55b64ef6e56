package io.kiln.engine.kernel;

/** A kernel that cannot be compiled, loaded or launched; the message is one line. */
public final class KernelException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  KernelException(String message) {
    super(message);
  }

  KernelException(String message, Throwable cause) {
    super(message, cause);
  }
}
