package io.kiln.spark.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The process that {@code bin/kiln} becomes when this one has ended well.
 *
 * @param environment variables to set
 * @param unset variables to leave out
 * @param command program and arguments
 */
record Handover(Map<String, String> environment, List<String> unset, List<String> command) {
  /** Writes the arguments of {@code env}, a NUL after each. */
  void write(Path file) {
    List<String> words = new ArrayList<>();
    for (String name : unset) {
      words.add("-u");
      words.add(name);
    }
    environment.forEach((name, value) -> words.add(name + "=" + value));
    words.addAll(command);
    try {
      Files.writeString(file, String.join("\0", words) + "\0", StandardCharsets.UTF_8);
    } catch (IOException unwritable) {
      throw new UncheckedIOException(unwritable);
    }
  }
}
