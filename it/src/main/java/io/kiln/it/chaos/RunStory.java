package io.kiln.it.chaos;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a run says on its console, with when it says it, in nanoseconds. */
public final class RunStory {
  private static final Pattern STEP = Pattern.compile("step (\\d+)/\\d+ .*");
  private static final Pattern RESTART = Pattern.compile("all ranks start again: (.*)");
  private static final Pattern RESUME = Pattern.compile("going on after step (\\d+) from (.*)");

  /** Something that was said. */
  public sealed interface Event {
    /** When. */
    long at();
  }

  /** A step was taken. */
  public record Step(long at, long step) implements Event {}

  /** All ranks are started again. */
  public record Restart(long at, String cause) implements Event {}

  /**
   * The training goes on after that step.
   *
   * @param where a checkpoint, or the memory of the ranks
   */
  public record Resume(long at, long step, String where) implements Event {}

  private final List<Event> events = new ArrayList<>();
  private final StringBuilder text = new StringBuilder();
  private boolean over;

  /** A line of the console. */
  synchronized void heard(String line, long at) {
    text.append(line).append('\n');
    Matcher step = STEP.matcher(line);
    Matcher restart = RESTART.matcher(line);
    Matcher resume = RESUME.matcher(line);
    if (step.matches()) {
      events.add(new Step(at, Long.parseLong(step.group(1))));
    } else if (restart.matches()) {
      events.add(new Restart(at, restart.group(1)));
    } else if (resume.matches()) {
      events.add(new Resume(at, Long.parseLong(resume.group(1)), resume.group(2)));
    }
    notifyAll();
  }

  /**
   * There is no more.
   *
   * @param lastWords for whoever waits for more
   */
  synchronized void end(String lastWords) {
    over = true;
    text.append(lastWords);
    notifyAll();
  }

  /** All lines so far. */
  public synchronized String text() {
    return text.toString();
  }

  /** What has been said so far. */
  public synchronized List<Event> events() {
    return List.copyOf(events);
  }

  /** The latest step; 0 before the first. */
  public synchronized long step() {
    for (int i = events.size() - 1; i >= 0; i--) {
      if (events.get(i) instanceof Step step) {
        return step.step();
      }
    }
    return 0;
  }

  /** The step after which it said first that it goes on. */
  public OptionalLong resumedAfter() {
    return events().stream()
        .filter(Resume.class::isInstance)
        .mapToLong(event -> ((Resume) event).step())
        .findFirst();
  }

  /** What has been said after a time. */
  public synchronized List<Event> since(long at) {
    return events.stream().filter(event -> event.at() > at).toList();
  }

  /**
   * Waits until something has been said.
   *
   * @param what for the message
   * @param holds asked after each line
   * @throws IllegalStateException if the run ends before, or it takes too long
   */
  public synchronized void await(String what, Duration longest, Predicate<RunStory> holds)
      throws InterruptedException {
    long end = System.nanoTime() + longest.toNanos();
    while (!holds.test(this)) {
      long left = (end - System.nanoTime()) / 1_000_000;
      if (over || left <= 0) {
        throw new IllegalStateException(
            (over ? "the run ended before " : "not within " + longest.toSeconds() + " s: ")
                + what
                + ":\n"
                + text);
      }
      wait(left);
    }
  }
}
