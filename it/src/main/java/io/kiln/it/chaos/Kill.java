package io.kiln.it.chaos;

import java.util.List;

/**
 * A kill and what came of it.
 *
 * @param moment that it was aimed at
 * @param step the latest that was finished
 * @param draft whether a checkpoint's draft was there afterwards
 * @param at when, in nanoseconds
 */
record Kill(Moment moment, long step, boolean draft, long at) {
  /**
   * Seconds until the next step that ranks which were started again finished.
   *
   * @param events of the whole run
   */
  double secondsLost(List<RunStory.Event> events) {
    boolean again = false;
    for (RunStory.Event event : events) {
      again |= event instanceof RunStory.Restart && event.at() > at;
      if (again && event instanceof RunStory.Step) {
        return (event.at() - at) / 1e9;
      }
    }
    throw new IllegalStateException("no step was finished after the kill at step " + step);
  }
}
