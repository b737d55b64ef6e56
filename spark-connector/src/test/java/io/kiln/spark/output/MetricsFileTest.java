package io.kiln.spark.output;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.kiln.engine.train.StepReport;
import io.kiln.engine.train.StepTimes;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
}
