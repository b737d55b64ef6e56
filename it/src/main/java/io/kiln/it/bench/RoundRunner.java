package io.kiln.it.bench;

import io.kiln.it.chaos.RunProcesses;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Lets a training run in rounds, and stand still (SIGSTOP) between them. Its pauses are kept, so
 * that its steps can be parted by them.
 */
final class RoundRunner implements AutoCloseable {
  private final PausableTraining training;
  private final Duration length;
  private final List<ProcessHandle> processes;
  private final EndsWithThisProcess guard;
  private final List<Double> pauses = new ArrayList<>();
  private long stopped;

  private RoundRunner(PausableTraining training, Duration length)
      throws IOException, InterruptedException {
    this.training = training;
    this.length = length;
    this.processes = training.processes();
    this.guard = new EndsWithThisProcess(processes);
    stop();
  }

  /**
   * Waits until a training takes steps; it stands still from there on.
   *
   * @param length of a round, and of a pause at least: longer than a step
   * @param longest that the wait may take
   */
  static RoundRunner of(PausableTraining training, Duration length, Duration longest)
      throws IOException, InterruptedException {
    training.awaitSteps(longest);
    return new RoundRunner(training, length);
  }

  private void stop() throws IOException, InterruptedException {
    for (ProcessHandle process : processes) {
      RunProcesses.freeze(process);
    }
    stopped = System.nanoTime();
  }

  private void go() throws IOException, InterruptedException {
    // A pause that is no longer than a step would not be found among the steps.
    Thread.sleep(Math.max(0, length.toMillis() - (System.nanoTime() - stopped) / 1_000_000));
    pauses.add((System.nanoTime() - stopped) / 1e6);
    for (ProcessHandle process : processes) {
      RunProcesses.thaw(process);
    }
  }

  /** One round. */
  void run() throws IOException, InterruptedException {
    go();
    Thread.sleep(length.toMillis());
    stop();
  }

  /**
   * Ends the training.
   *
   * @return its steps in each round
   */
  List<List<Double>> end() throws IOException, InterruptedException {
    go();
    return RoundTimes.between(training.end(), pauses);
  }

  @Override
  public void close() {
    guard.close();
  }
}
