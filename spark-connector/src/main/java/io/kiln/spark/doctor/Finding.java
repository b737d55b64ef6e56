package io.kiln.spark.doctor;

import java.util.Optional;

/**
 * Something that was looked at.
 *
 * @param subject in a word or two
 * @param found what is there
 * @param cost what that costs and how it is mended; empty where nothing stands in the way
 */
public record Finding(String subject, String found, Optional<String> cost) {
  static Finding good(String subject, String found) {
    return new Finding(subject, found, Optional.empty());
  }

  static Finding costly(String subject, String found, String cost) {
    return new Finding(subject, found, Optional.of(cost));
  }

  /** One line; the cost behind an arrow. */
  public String line() {
    return String.format("%-12s %s%s", subject, found, cost.map(c -> "  <- " + c).orElse(""));
  }
}
