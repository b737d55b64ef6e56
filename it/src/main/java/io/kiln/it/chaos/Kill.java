package io.kiln.it.chaos;

import java.util.List;
import java.util.OptionalInt;

/**
 * A kill and what came of it.
 *
 * @param moment that it was aimed at
 * @param rank that the executor ran; none while it starts
 * @param step the latest that was finished
 * @param write whether it hit the write of a checkpoint: a draft was there before it and is left
 * @param at when, in nanoseconds
 */
public record Kill(Moment moment, OptionalInt rank, long step, boolean write, long at) {
  /**
   * Seconds until the next step that ranks which were started again finished.
   *
   * @param events of the whole run
   */
  double secondsLost(List<RunStory.Event> events) {
    return (next(events).at() - at) / 1e9;
  }

  /** Steps that had been finished before and are taken again after it. */
  long stepsLost(List<RunStory.Event> events) {
    RunStory.Step next = next(events);
    long furthest =
        events.stream()
            .takeWhile(event -> event != next)
            .filter(RunStory.Step.class::isInstance)
            .mapToLong(event -> ((RunStory.Step) event).step())
            .max()
            .orElse(0);
    return Math.max(0, furthest - next.step() + 1);
  }

  private RunStory.Step next(List<RunStory.Event> events) {
    boolean again = false;
    for (RunStory.Event event : events) {
      again |= event instanceof RunStory.Restart && event.at() > at;
      if (again && event instanceof RunStory.Step next) {
        return next;
      }
    }
    throw new IllegalStateException("no step was finished after the kill at step " + step);
  }
}
