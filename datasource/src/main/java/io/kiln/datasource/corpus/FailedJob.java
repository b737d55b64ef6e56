package io.kiln.datasource.corpus;

import io.kiln.datasource.DataException;

/** What is worth telling of a failed Spark job. */
final class FailedJob {
  private FailedJob() {}

  /** The one line of it; a {@link DataException} among the causes as it is. */
  static DataException of(Exception failure) {
    Throwable root = failure;
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof DataException known) {
        return known;
      }
      if (cause instanceof InterruptedException) {
        Thread.currentThread().interrupt();
      }
      root = cause;
    }
    return new DataException("The data cannot be read: " + firstLine(root), failure);
  }

  static String firstLine(Throwable failure) {
    String message = failure.getMessage();
    return message == null || message.isBlank()
        ? failure.getClass().getSimpleName()
        : message.strip().lines().findFirst().orElseThrow();
  }
}
