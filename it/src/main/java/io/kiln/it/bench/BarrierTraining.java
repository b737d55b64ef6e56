package io.kiln.it.bench;

import io.kiln.it.chaos.RunProcesses;
import io.kiln.it.chaos.WatchedRun;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** A job through a barrier stage, as a person starts it: {@code bin/kiln train}. */
final class BarrierTraining implements PausableTraining {
  private static final Duration LONGEST_END = Duration.ofMinutes(2);

  private final WatchedRun run;

  /**
   * Starts it.
   *
   * @param output folder that it makes
   */
  BarrierTraining(Path job, Path output, List<String> overrides) throws IOException {
    this.run = WatchedRun.start(JobRuns.train(job, output, overrides), output);
  }

  @Override
  public void awaitSteps(Duration longest) throws InterruptedException {
    run.story().await("its first steps", longest, story -> story.step() >= 1);
  }

  @Override
  public List<ProcessHandle> processes() {
    return RunProcesses.all(run.outputDir());
  }

  @Override
  public List<Double> end() throws IOException, InterruptedException {
    run.terminate();
    run.await(LONGEST_END);
    return JobRuns.wallMillis(JobRuns.steps(run.outputDir()));
  }

  @Override
  public void close() throws IOException {
    run.close();
  }
}
