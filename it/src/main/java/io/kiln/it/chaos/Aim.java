package io.kiln.it.chaos;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
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
  private final Path checkpoints;
  private final SplittableRandom random;

  Aim(RunStory story, Path checkpoints, SplittableRandom random) {
    this.story = story;
    this.checkpoints = checkpoints;
    this.random = random;
  }

  /** Waits until it is there; what goes on in a run's steps is known from how long they take. */
  void await(Moment moment) throws InterruptedException, IOException {
    switch (moment) {
      case FORWARD -> awaitInStep(random.nextDouble() * FORWARD_SHARE);
      case REDUCE -> awaitInStep(FORWARD_SHARE + random.nextDouble() * (1 - FORWARD_SHARE));
      case CHECKPOINT -> awaitDraft();
      case STARTING -> Thread.sleep((long) (random.nextDouble() * NEW_START_MILLIS));
      case ANY -> Thread.sleep((long) (random.nextDouble() * 500));
    }
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

  /** Sees one draft from its beginning to its end, then waits for a part of the next one's life. */
  private void awaitDraft() throws InterruptedException, IOException {
    await(false);
    await(true);
    long begun = System.nanoTime();
    await(false);
    long life = System.nanoTime() - begun;
    await(true);
    long nanos = (long) (random.nextDouble() * life);
    Thread.sleep(nanos / 1_000_000, (int) (nanos % 1_000_000));
  }

  private void await(boolean draft) throws InterruptedException, IOException {
    long end = System.nanoTime() + LONGEST.toNanos();
    while (!drafts(checkpoints).isEmpty() != draft) {
      if (System.nanoTime() > end) {
        throw new IllegalStateException("no checkpoint was written in " + checkpoints);
      }
      Thread.sleep(0, 500_000);
    }
  }

  /** Names of unfinished checkpoints in a local folder. */
  static List<String> drafts(Path checkpoints) throws IOException {
    List<String> names = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(checkpoints, ".global_step*")) {
      entries.forEach(entry -> names.add(entry.getFileName().toString()));
    } catch (NoSuchFileException | NotDirectoryException notYet) {
      return List.of();
    }
    return names;
  }

  /** Moments for so many kills: each kind in turn. */
  static List<Moment> moments(int kills) {
    Moment[] turn = {
      Moment.CHECKPOINT,
      Moment.REDUCE,
      Moment.STARTING,
      Moment.FORWARD,
      Moment.CHECKPOINT,
      Moment.REDUCE,
      Moment.FORWARD,
      Moment.ANY
    };
    Moment[] all = new Moment[kills];
    Arrays.setAll(all, i -> turn[i % turn.length]);
    return List.of(all);
  }
}
