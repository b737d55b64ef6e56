package io.kiln.it.chaos;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** Waits for a moment in a run, as seen from outside. */
final class Aim {
  private static final Duration LONGEST = Duration.ofSeconds(60);

  /** From a kill until all ranks train again, at the least: Spark alone takes so long. */
  private static final long NEW_START_MILLIS = 5000;

  private static final double FORWARD_SHARE = 0.3;

  private final RunStory story;
  private final Drafts drafts;
  private final SplittableRandom random;

  Aim(RunStory story, Drafts drafts, SplittableRandom random) {
    this.story = story;
    this.drafts = drafts;
    this.random = random;
  }

  /**
   * Waits until it is there; what goes on in a run's steps is known from how long they take.
   *
   * @return the drafts that are being written then
   */
  List<String> await(Moment moment) throws InterruptedException, IOException {
    switch (moment) {
      case FORWARD -> awaitInStep(random.nextDouble() * FORWARD_SHARE);
      case REDUCE -> awaitInStep(FORWARD_SHARE + random.nextDouble() * (1 - FORWARD_SHARE));
      case CHECKPOINT -> {
        return awaitDraft();
      }
      case STARTING -> Thread.sleep((long) (random.nextDouble() * NEW_START_MILLIS));
      case ANY -> Thread.sleep((long) (random.nextDouble() * 500));
    }
    // While all start again there lies what the kill before has left, and nobody writes.
    return moment == Moment.STARTING ? List.of() : drafts.names();
  }

  private void awaitInStep(double share) throws InterruptedException {
    long now = System.nanoTime();
    story.await(
        "another step",
        LONGEST,
        s -> s.since(now).stream().anyMatch(RunStory.Step.class::isInstance));
    long nanos = (long) (share * stepNanos());
    Thread.sleep(nanos / 1_000_000, (int) (nanos % 1_000_000));
  }

  /** Median of the latest ones. */
  private long stepNanos() {
    List<RunStory.Event> events = story.events();
    long[] gaps =
        IntStream.range(Math.max(1, events.size() - 20), events.size())
            .filter(
                i ->
                    events.get(i) instanceof RunStory.Step
                        && events.get(i - 1) instanceof RunStory.Step)
            .mapToLong(i -> events.get(i).at() - events.get(i - 1).at())
            .sorted()
            .toArray();
    return gaps.length == 0 ? 0 : gaps[gaps.length / 2];
  }

  /** A draft lives for milliseconds: what is aimed at it comes as soon as one is seen. */
  private List<String> awaitDraft() throws InterruptedException, IOException {
    awaitNames(false);
    return awaitNames(true);
  }

  private List<String> awaitNames(boolean any) throws InterruptedException, IOException {
    long end = System.nanoTime() + LONGEST.toNanos();
    List<String> names = drafts.names();
    while (names.isEmpty() == any) {
      if (System.nanoTime() > end) {
        throw new IllegalStateException(
            "no checkpoint was written in " + drafts.store().location());
      }
      Thread.sleep(0, 500_000);
      names = drafts.names();
    }
    return names;
  }
}
