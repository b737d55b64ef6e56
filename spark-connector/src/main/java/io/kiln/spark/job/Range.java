package io.kiln.spark.job;

import io.kiln.engine.config.ConfigException;

/**
 * What a number of the training section may be.
 *
 * @param least the smallest one
 * @param most the largest one
 * @param note what the largest one is, for a person; may be empty
 */
record Range(double least, double most, String note) {
  /** Times are counted in nanoseconds and multiplied; longer ones mean "for ever" anyway. */
  private static final long YEAR_SECONDS = 365L * 24 * 3600;

  private static final String YEAR = " (a year)";

  /** A count of at least so many. */
  static Range count(int least) {
    return new Range(least, Integer.MAX_VALUE, "");
  }

  /** Seconds, from so many up to a year. */
  static Range seconds(long least) {
    return new Range(least, YEAR_SECONDS, YEAR);
  }

  /** Minutes, from so many up to a year. */
  static Range minutes(double least) {
    return new Range(least, YEAR_SECONDS / 60.0, YEAR);
  }

  /**
   * @throws ConfigException if the value is none of these
   */
  long require(String key, long value) {
    check(key, value, Long.toString(value));
    return value;
  }

  /**
   * @throws ConfigException if the value is none of these
   */
  double require(String key, double value) {
    check(key, value, Double.toString(value));
    return value;
  }

  private void check(String key, double value, String shown) {
    if (!(value >= least && value <= most)) {
      throw new ConfigException(
          "training." + key,
          "must be from " + plain(least) + " to " + plain(most) + note + ", not " + shown);
    }
  }

  private static String plain(double bound) {
    return bound == Math.rint(bound) ? Long.toString((long) bound) : Double.toString(bound);
  }
}
