package io.kiln.spark.barrier;

/** The one line that a person is told of an error. */
public final class OneLine {
  private static final int LONGEST = 600;

  private OneLine() {}

  /**
   * The message of an error, up to its first line break; the name of its class too where the
   * message alone does not say what happened.
   */
  public static String of(Throwable error) {
    String message = error.getMessage();
    if (message == null || message.isBlank()) {
      return error.getClass().getSimpleName()
          + (error.getStackTrace().length > 0 ? " at " + error.getStackTrace()[0] : "");
    }
    String line = first(message);
    boolean speaksForItself =
        error.getClass().getName().startsWith("io.kiln.")
            || error instanceof IllegalArgumentException
            || error instanceof IllegalStateException;
    return speaksForItself ? line : error.getClass().getSimpleName() + ": " + line;
  }

  /** A text up to its first line break. */
  public static String first(String text) {
    String line = text.strip().lines().findFirst().orElse("").strip();
    return line.length() > LONGEST ? line.substring(0, LONGEST) + "…" : line;
  }
}
