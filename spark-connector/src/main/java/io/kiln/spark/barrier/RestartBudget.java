package io.kiln.spark.barrier;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Counts new starts over a window of time: not for ever. One for a run, however many jobs it has.
 */
public final class RestartBudget {
  private final int most;
  private final Duration window;
  private final Deque<Long> starts = new ArrayDeque<>();

  /**
   * @param most new starts within the window
   */
  public RestartBudget(int most, Duration window) {
    this.most = most;
    this.window = window;
  }

  /**
   * Takes note of a new start.
   *
   * @param now in nanoseconds
   * @return whether it is within the budget
   */
  boolean spend(long now) {
    while (!starts.isEmpty() && now - starts.peekFirst() > window.toNanos()) {
      starts.removeFirst();
    }
    starts.addLast(now);
    return starts.size() <= most;
  }

  @Override
  public String toString() {
    return most + " new starts within " + window.toMinutes() + " min";
  }
}
