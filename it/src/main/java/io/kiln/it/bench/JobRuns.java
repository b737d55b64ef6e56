package io.kiln.it.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.engine.config.ConfigException;
import io.kiln.spark.cli.OneLineErrors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Runs a job file as a person would, and reads its steps. */
final class JobRuns {
  private static final ObjectMapper JSON = new ObjectMapper();

  private JobRuns() {}

  /** Milliseconds from the end of a step to the end of the next, with all that comes between. */
  static List<Double> wallMillis(List<JsonNode> steps) {
    return steps.stream().map(step -> step.get("wall_ms").asDouble()).toList();
  }

  /** {@code bin/kiln train} of the installation this runs in. */
  static ProcessBuilder train(Path job, Path output, List<String> overrides) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("kiln.root"), "bin", "kiln").toString(),
                "train",
                job.toString(),
                "--set",
                "output_dir=" + output));
    overrides.forEach(override -> command.addAll(List.of("--set", override)));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().remove("OPENBLAS_CORETYPE");
    builder.environment().remove("OPENBLAS_L2_SIZE");
    return builder;
  }

  /** The losses of a job's steps. */
  static double[] losses(Path job, List<String> overrides)
      throws IOException, InterruptedException {
    Path directory = Files.createTempDirectory("kiln-bench");
    try {
      Path output = directory.resolve("output");
      Path log = directory.resolve("log");
      int status =
          train(job, output, overrides)
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start()
              .waitFor();
      if (status != 0) {
        String line = lastLine(Files.readString(log));
        throw status == OneLineErrors.BAD_INPUT
            ? new ConfigException("", line)
            : new IllegalStateException("kiln train ended with status " + status + ": " + line);
      }
      return steps(output).stream()
          .mapToDouble(
              step -> step.get("loss").isNumber() ? step.get("loss").asDouble() : Double.NaN)
          .toArray();
    } finally {
      delete(directory);
    }
  }

  /** The steps that a run has written of: {@code metrics.jsonl}'s lines. */
  static List<JsonNode> steps(Path output) throws IOException {
    List<JsonNode> steps = new ArrayList<>();
    for (String line : Files.readAllLines(output.resolve("metrics.jsonl"))) {
      JsonNode step = JSON.readTree(line);
      if (step.has("loss")) {
        steps.add(step);
      }
    }
    return steps;
  }

  /** What a run said last, which is why it ended. */
  private static String lastLine(String log) {
    String said = log.strip();
    String line = said.substring(said.lastIndexOf('\n') + 1);
    return line.startsWith("kiln: ") ? line.substring("kiln: ".length()) : line;
  }

  static double median(List<Double> values) {
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).toArray();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  static void delete(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
