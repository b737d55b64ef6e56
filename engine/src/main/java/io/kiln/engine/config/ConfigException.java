package io.kiln.engine.config;

/** Configuration that cannot be used. Its message is one line: where, what, and the mend. */
public final class ConfigException extends IllegalArgumentException {
  /**
   * @param where path of the value, such as {@code deepspeed.optimizer.params.lr}
   * @param what what is wrong with it and how it is mended
   */
  public ConfigException(String where, String what) {
    super(where.isEmpty() ? what : where + ": " + what);
  }
}
