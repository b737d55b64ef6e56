package io.kiln.it.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.engine.config.ConfigException;
import io.kiln.spark.cli.OneLineErrors;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Runs a job file, through Spark as a person would or in bare processes, and reads its steps. */
final class JobRuns {
  private static final ObjectMapper JSON = new ObjectMapper();

  private JobRuns() {}

  /** The steps of a run: {@code metrics.jsonl}'s lines. */
  record Run(List<JsonNode> steps, JsonNode summary) {
    double[] losses() {
      return steps.stream()
          .mapToDouble(
              step -> step.get("loss").isNumber() ? step.get("loss").asDouble() : Double.NaN)
          .toArray();
    }

    /**
     * Median time from the end of a step to the end of the next on rank 0, so with all that comes
     * between two steps; without the first half, in which JVMs compile and caches fill.
     */
    double wallMillis() {
      double[] millis =
          steps.subList(steps.size() / 2, steps.size()).stream()
              .mapToDouble(step -> step.get("wall_ms").asDouble())
              .sorted()
              .toArray();
      return millis[millis.length / 2];
    }
  }

  /** {@code bin/kiln train} of the installation this runs in. */
  static Run throughSpark(Path job, List<String> overrides)
      throws IOException, InterruptedException {
    Path directory = Files.createTempDirectory("kiln-bench");
    try {
      Path output = directory.resolve("output");
      List<String> command =
          new ArrayList<>(
              List.of(
                  Path.of(System.getProperty("kiln.root"), "bin", "kiln").toString(),
                  "train",
                  job.toString(),
                  "--set",
                  "output_dir=" + output));
      overrides.forEach(override -> command.addAll(List.of("--set", override)));
      Path log = directory.resolve("log");
      ProcessBuilder builder = new ProcessBuilder(command);
      builder.environment().remove("OPENBLAS_CORETYPE");
      builder.environment().remove("OPENBLAS_L2_SIZE");
      builder.redirectErrorStream(true).redirectOutput(log.toFile());
      int status = builder.start().waitFor();
      if (status != 0) {
        String line = lastLine(Files.readString(log));
        throw status == OneLineErrors.BAD_INPUT
            ? new ConfigException("", line)
            : new IllegalStateException("kiln train ended with status " + status + ": " + line);
      }
      List<JsonNode> steps = new ArrayList<>();
      for (String line : Files.readAllLines(output.resolve("metrics.jsonl"))) {
        JsonNode step = JSON.readTree(line);
        if (step.has("loss")) {
          steps.add(step);
        }
      }
      return new Run(steps, JSON.readTree(output.resolve("summary.json").toFile()));
    } finally {
      delete(directory);
    }
  }

  /** What a run said last, which is why it ended. */
  private static String lastLine(String log) {
    String said = log.strip();
    String line = said.substring(said.lastIndexOf('\n') + 1);
    return line.startsWith("kiln: ") ? line.substring("kiln: ".length()) : line;
  }

  /** The same in as many processes without Spark. */
  static Run direct(Path job, int ranks, List<String> overrides) {
    List<JsonNode> steps = new ArrayList<>();
    List<String> arguments = new ArrayList<>(List.of(job.toString()));
    arguments.addAll(overrides);
    try (RankProcesses processes =
        new RankProcesses(DirectRank.class, ranks, RankProcesses.environment(1), arguments)) {
      processes.serve(
          (rank, line) -> {
            try {
              steps.add(JSON.readTree(line));
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          });
    }
    return new Run(steps, JSON.createObjectNode());
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
