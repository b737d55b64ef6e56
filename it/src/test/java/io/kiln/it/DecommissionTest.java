package io.kiln.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.it.chaos.RunProcesses;
import io.kiln.it.chaos.WatchedRun;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Spark says beforehand that it takes an executor away. */
class DecommissionTest {
  private static final Duration LONGEST = Duration.ofMinutes(3);
  private static final int STEPS = 150;

  @TempDir Path folder;

  @Test
  void a_checkpoint_is_taken_before_an_executor_goes() throws Exception {
    Path output = folder.resolve("output");
    Path checkpoints = folder.resolve("checkpoints");
    List<String> overrides =
        List.of(
            "training.max_steps=" + STEPS,
            "training.checkpoint_interval=" + 10 * STEPS,
            "training.checkpoint_dir=" + checkpoints,
            "spark.conf.spark.decommission.enabled=true");
    Path job = TinyJob.in(folder).file();
    try (WatchedRun run = WatchedRun.start(KilnRun.ROOT, job, overrides, output, Map.of())) {
      run.story().await("some steps", LONGEST, s -> s.step() >= 20);
      ProcessHandle leaving = RunProcesses.executors(output).get(1);
      RunProcesses.decommission(leaving);
      // No checkpoint is due in this run: what there is was asked for.
      KilnRun.awaitGone("a checkpoint", () -> Files.exists(checkpoints.resolve("latest")));
      long saved =
          Long.parseLong(
              Files.readString(checkpoints.resolve("latest")).strip().replace("global_step", ""));
      assertTrue(saved >= 20 && saved < STEPS, saved + " in " + run.story().text());
      leaving.destroyForcibly();
      run.awaitSuccess(LONGEST);
      long resumed = run.story().resumedAfter().orElseThrow();
      assertEquals(saved, resumed);
    }
    KilnRun.awaitGone("no process", () -> RunProcesses.all(output).isEmpty());
  }
}
