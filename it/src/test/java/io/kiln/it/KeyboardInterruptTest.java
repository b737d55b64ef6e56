package io.kiln.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.it.chaos.RunProcesses;
import io.kiln.it.chaos.WatchedRun;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ctrl-C in a terminal: the signal goes to the driver and its executors at once. */
class KeyboardInterruptTest {
  private static final Duration LONGEST = Duration.ofMinutes(3);
  private static final int SIGINT_STATUS = 128 + 2;
  private static final int STEPS = 100;

  @TempDir Path folder;

  /** A run that leads a group of processes, as a command in a terminal does. */
  private WatchedRun start(Path job, Path output) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                // Whoever runs the tests in the background ignores it, and so would the run.
                "env",
                "--default-signal=INT",
                "setsid",
                KilnRun.ROOT.resolve("bin/kiln").toString(),
                "train",
                job.toString()));
    for (String setting :
        List.of(
            "training.max_steps=" + STEPS,
            "training.checkpoint_interval=" + 10 * STEPS,
            "deepspeed.steps_per_print=1",
            "output_dir=" + output)) {
      command.addAll(List.of("--set", setting));
    }
    return WatchedRun.start(new ProcessBuilder(command), output);
  }

  private static void interrupt(Path output) throws Exception {
    // The driver is the oldest of them and leads their group.
    long group = RunProcesses.all(output).get(0).pid();
    Process kill = new ProcessBuilder("kill", "-INT", "--", "-" + group).start();
    assertTrue(kill.waitFor(5, TimeUnit.SECONDS));
    assertEquals(0, kill.exitValue());
  }

  @Test
  void what_has_been_trained_is_saved_and_the_same_command_goes_on() throws Exception {
    Path job = TinyJob.in(folder).file();
    Path output = folder.resolve("output");
    long stopped;
    try (WatchedRun run = start(job, output)) {
      run.story().await("some steps", LONGEST, s -> s.step() >= 20);
      interrupt(output);
      assertEquals(SIGINT_STATUS, run.await(LONGEST), run.story().text());
      stopped = run.story().step();
      assertTrue(run.errors().contains("the same command goes on"), run.errors());
    }
    KilnRun.awaitGone("no process", () -> RunProcesses.all(output).isEmpty());
    try (WatchedRun run = start(job, output)) {
      run.awaitSuccess(LONGEST);
      long resumed = run.story().resumedAfter().orElseThrow();
      assertTrue(resumed >= stopped && stopped < STEPS, resumed + ", " + stopped);
    }
  }
}
