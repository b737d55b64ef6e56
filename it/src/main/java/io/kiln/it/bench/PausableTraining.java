package io.kiln.it.bench;

import java.io.IOException;
import java.time.Duration;
import java.util.List;

/** A training in processes of its own, which can be made to stand still. Closing it ends them. */
interface PausableTraining extends AutoCloseable {
  /**
   * Waits until it has taken some steps.
   *
   * @throws IllegalStateException if it ends before, or takes longer
   */
  void awaitSteps(Duration longest) throws InterruptedException;

  /** All that run for it, and nothing else. */
  List<ProcessHandle> processes();

  /**
   * Ends it in order.
   *
   * @return milliseconds from the end of a step to the end of the next, for all its steps
   * @throws IllegalStateException if it has failed
   */
  List<Double> end() throws IOException, InterruptedException;

  @Override
  void close() throws IOException;
}
