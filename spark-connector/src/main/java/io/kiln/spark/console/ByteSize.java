package io.kiln.spark.console;

import java.util.Locale;

/** Numbers of bytes as a person reads them, in powers of a thousand. */
public final class ByteSize {
  private static final String[] UNITS = {"kB", "MB", "GB", "TB", "PB"};

  private ByteSize() {}

  /** Such as {@code 612.3 MB}; below a thousand {@code 612 bytes}. */
  public static String text(long bytes) {
    if (bytes < 1000) {
      return bytes + (bytes == 1 ? " byte" : " bytes");
    }
    double value = bytes;
    int unit = -1;
    // What would be printed as 1000.0 belongs to the next unit.
    while (value >= 999.95 && unit < UNITS.length - 1) {
      value /= 1000;
      unit++;
    }
    return String.format(Locale.ROOT, "%.1f %s", value, UNITS[unit]);
  }
}
