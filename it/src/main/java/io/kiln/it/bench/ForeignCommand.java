package io.kiln.it.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;

/**
 * Somebody else's program that trains the same and prints how long a step takes it.
 *
 * @param command for {@code bash -c}
 * @param longest that it may run
 */
record ForeignCommand(String command, Duration longest) {
  /**
   * Runs it once.
   *
   * @return the last number that it prints: its milliseconds a step
   * @throws IllegalStateException if it fails, runs too long, or prints no number
   */
  double millisAStep() throws IOException, InterruptedException {
    Path file = Files.createTempFile("kiln-bench-against", ".txt");
    try {
      ProcessBuilder builder = new ProcessBuilder("bash", "-c", command);
      builder.environment().remove("OPENBLAS_CORETYPE");
      builder.environment().remove("OPENBLAS_L2_SIZE");
      builder.redirectErrorStream(true).redirectOutput(file.toFile());
      Process process = builder.start();
      try {
        process.getOutputStream().close();
        if (!process.waitFor(longest.toMillis(), TimeUnit.MILLISECONDS)) {
          throw new IllegalStateException(
              "--against: the command still ran after " + longest.toSeconds() + " s");
        }
      } finally {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
      }
      String said = new String(Files.readAllBytes(file), StandardCharsets.UTF_8).strip();
      if (process.exitValue() != 0) {
        throw new IllegalStateException(
            "--against: the command ended with status "
                + process.exitValue()
                + (said.isEmpty() ? "" : ": " + said.substring(said.lastIndexOf('\n') + 1)));
      }
      return lastNumber(said)
          .orElseThrow(() -> new IllegalStateException("--against: the command printed no number"));
    } finally {
      Files.delete(file);
    }
  }

  private static OptionalDouble lastNumber(String text) {
    OptionalDouble last = OptionalDouble.empty();
    for (String word : text.split("[^0-9.eE+-]+")) {
      try {
        last = OptionalDouble.of(Double.parseDouble(word));
      } catch (NumberFormatException notANumber) {
        continue;
      }
    }
    return last;
  }
}
