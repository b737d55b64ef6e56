package io.kiln.spark.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.kiln.engine.train.StepReport;
import io.kiln.engine.train.StepTimes;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A line a step, whatever happens to the run. */
class MetricsFileTest {
  @TempDir Path folder;

  private OutputDirectory directory() {
    return OutputDirectory.of(folder.toString(), new Configuration(false));
  }

  private void train(long from, long to) {
    try (MetricsFile metrics = new MetricsFile(directory(), false)) {
      for (long step = from; step <= to; step++) {
        metrics.onStep(new StepReport(step, 1, 1, 1, 1, false, 1, new StepTimes(0, 0, 0, 0, 0, 1)));
      }
    }
  }

  private Set<Long> steps() {
    return MetricsFile.earlier(directory()).keySet();
  }

  @Test
  void steps_that_are_taken_again_take_the_place_of_their_lines() throws Exception {
    train(1, 5);
    train(4, 6);
    assertEquals(Set.of(1L, 2L, 3L, 4L, 5L, 6L), steps());
    assertEquals(6, Files.readAllLines(folder.resolve("metrics.jsonl")).size());
    try (var files = Files.list(folder)) {
      assertEquals(
          List.of("metrics.jsonl"), files.map(file -> file.getFileName().toString()).toList());
    }
  }

  @Test
  void a_driver_that_dies_while_the_file_is_written_anew_loses_no_line() throws Exception {
    train(1, 5);
    // As it is after the first of the kept lines.
    List<String> lines = Files.readAllLines(folder.resolve("metrics.jsonl"));
    Files.write(folder.resolve(".metrics.jsonl.before"), lines.subList(0, 4));
    Files.write(folder.resolve("metrics.jsonl"), lines.subList(0, 1));
    assertEquals(Set.of(1L, 2L, 3L, 4L), steps());
    train(5, 7);
    assertEquals(Set.of(1L, 2L, 3L, 4L, 5L, 6L, 7L), steps());
  }

  /** Linux's device that says of every write that there is no space left. */
  private static final Path FULL = Path.of("/dev/full");

  private static StepReport step(long step) {
    return new StepReport(step, 1, 1, 1, 1, false, 1, new StepTimes(0, 0, 0, 0, 0, 1));
  }

  @Test
  void a_full_disk_is_kept_as_one_line_that_names_the_file_and_the_mend() throws Exception {
    assumeTrue(Files.exists(FULL));
    Files.createSymbolicLink(folder.resolve("metrics.jsonl"), FULL);
    try (MetricsFile metrics = new MetricsFile(directory(), false)) {
      metrics.onStep(step(1));
      metrics.onStep(step(2));
      UnwritableOutputException failure =
          assertThrows(UnwritableOutputException.class, metrics::finish);
      assertEquals(Optional.of(failure), metrics.failure());
      String line = failure.getMessage();
      assertTrue(line.startsWith(folder.resolve("metrics.jsonl") + " cannot be written"), line);
      assertTrue(line.contains("No space left on device"), line);
      assertTrue(line.contains("free some"), line);
      assertEquals(1, line.lines().count(), line);
    }
  }

  @Test
  void a_file_that_cannot_be_made_is_kept_too_and_no_later_step_is_tried() throws Exception {
    Files.createDirectories(folder.resolve("metrics.jsonl/in-the-way"));
    try (MetricsFile metrics = new MetricsFile(directory(), false)) {
      metrics.onStep(step(1));
      Optional<RuntimeException> failure = metrics.failure();
      assertTrue(
          failure.get().getMessage().startsWith(folder.resolve("metrics.jsonl").toString()),
          failure.toString());
      metrics.onStep(step(2));
      assertSame(failure.get(), metrics.failure().get());
    }
  }

  @Test
  void a_file_that_holds_every_line_has_no_failure() {
    MetricsFile metrics = new MetricsFile(directory(), false);
    metrics.onStep(step(1));
    metrics.finish();
    assertEquals(Optional.empty(), metrics.failure());
    assertEquals(Set.of(1L), steps());
  }
}
