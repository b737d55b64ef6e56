package io.kiln.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code it/gpu/check.sh} where it can be tried. */
class GpuCheckTest {
  @TempDir Path folder;

  @Test
  void without_a_gpu_it_ends_with_one_line_and_status_2() throws Exception {
    assumeFalse(Files.exists(Path.of("/dev/nvidia0")));
    ProcessBuilder script = new ProcessBuilder(KilnRun.ROOT.resolve("it/gpu/check.sh").toString());
    try (KilnRun run = KilnRun.of(folder, script)) {
      assertEquals(2, run.await(Duration.ofSeconds(30)), run.said());
      assertEquals(1, run.said().lines().count(), run.said());
      assertTrue(run.err().contains("no NVIDIA GPU here"), run.err());
    }
  }
}
