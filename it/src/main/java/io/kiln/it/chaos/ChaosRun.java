package io.kiln.it.chaos;

import io.kiln.engine.checkpoint.CheckpointStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/**
 * A job that is trained undisturbed, and again while its executors are killed or frozen; what comes
 * of it is compared.
 *
 * @param root of the checkout
 * @param job file
 * @param overrides of the job
 * @param steps to train
 * @param seed of which executor is killed and when
 * @param folder for the runs, one of each name
 * @param place of their checkpoints
 */
public record ChaosRun(
    Path root,
    Path job,
    List<String> overrides,
    long steps,
    long seed,
    Path folder,
    CheckpointPlace place) {
  private static final Duration LONGEST = Duration.ofMinutes(10);

  private static final String UNDISTURBED = "undisturbed";

  /** What happens to a run while it goes on. */
  private interface Disturbance {
    List<Kill> of(WatchedRun run, Drafts drafts) throws IOException, InterruptedException;
  }

  private Path undisturbed() {
    return folder.resolve(UNDISTURBED);
  }

  /**
   * The same job, compared with the same undisturbed run, under other conditions that must not
   * change its curve.
   *
   * @param more overrides
   */
  public ChaosRun under(List<String> more, long otherSeed, CheckpointPlace other) {
    List<String> all = new ArrayList<>(overrides);
    all.addAll(more);
    return new ChaosRun(root, job, all, steps, otherSeed, folder, other);
  }

  /** What the others are compared with: before them. */
  public void trainUndisturbed(Consumer<String> progress) throws IOException, InterruptedException {
    long begin = System.nanoTime();
    try (WatchedRun run = start(UNDISTURBED, leftovers(UNDISTURBED))) {
      run.awaitSuccess(LONGEST);
    }
    progress.accept(
        "undisturbed: %d steps in %.0f s".formatted(steps, (System.nanoTime() - begin) / 1e9));
  }

  /**
   * With executors killed.
   *
   * @param name of the run
   * @param moments of the kills; the run has more than twice as many steps
   * @param progress hears lines as it goes
   */
  public ChaosReport trainKilled(String name, List<Moment> moments, Consumer<String> progress)
      throws IOException, InterruptedException {
    return train(name, progress, (run, drafts) -> kill(run, drafts, moments, progress));
  }

  /** With one executor frozen. */
  public ChaosReport trainFrozen(String name, Consumer<String> progress)
      throws IOException, InterruptedException {
    return train(
        name,
        progress,
        (run, drafts) -> {
          run.story().await("some steps", LONGEST, story -> story.step() >= steps / 2);
          List<ProcessHandle> executors = run.executors();
          ProcessHandle victim =
              executors.get(new SplittableRandom(seed).nextInt(executors.size()));
          RunProcesses.freeze(victim);
          return List.of(
              new Kill(
                  Moment.ANY,
                  RunProcesses.rank(victim),
                  run.story().step(),
                  false,
                  System.nanoTime()));
        });
  }

  private ChaosReport train(String name, Consumer<String> progress, Disturbance disturbance)
      throws IOException, InterruptedException {
    Leftovers leftovers = leftovers(name);
    try (CheckpointStore checkpoints = place.open(name);
        WatchedRun run = start(name, leftovers)) {
      Drafts drafts = new Drafts(checkpoints);
      List<Kill> done = disturbance.of(run, drafts);
      run.awaitSuccess(LONGEST);
      Path output = run.outputDir();
      ChaosReport report =
          new ChaosReport(
              done,
              run.story().events(),
              Curve.of(output),
              Curve.of(undisturbed()),
              Files.mismatch(
                      undisturbed().resolve("model.safetensors"),
                      output.resolve("model.safetensors"))
                  == -1,
              leftovers.of(output, drafts));
      report.killLines().forEach(progress);
      return report;
    }
  }

  private Leftovers leftovers(String name) throws IOException {
    return new Leftovers(Files.createDirectories(folder.resolve("tmp-" + name)));
  }

  private WatchedRun start(String name, Leftovers leftovers) throws IOException {
    List<String> all = new ArrayList<>(leftovers.overrides());
    all.add("training.max_steps=" + steps);
    all.add("training.max_restarts=1000");
    all.addAll(overrides);
    all.addAll(place.overrides(name));
    return WatchedRun.start(root, job, all, folder.resolve(name), leftovers.environment());
  }

  /** The k-th kill comes in the k-th part of the run: all of them come before its end. */
  private List<Kill> kill(
      WatchedRun run, Drafts drafts, List<Moment> moments, Consumer<String> progress)
      throws InterruptedException, IOException {
    int kills = moments.size();
    SplittableRandom random = new SplittableRandom(seed);
    RunStory story = run.story();
    Aim aim = new Aim(story, drafts, random);
    List<Kill> done = new ArrayList<>();
    for (int k = 0; k < kills; k++) {
      Moment moment = moments.get(k);
      if (moment != Moment.STARTING) {
        long part = steps / (kills + 1);
        long from = k * part + 1 + (long) (random.nextDouble() * part);
        long last = done.isEmpty() ? 0 : done.get(done.size() - 1).at();
        story.await("step " + from, LONGEST, s -> trains(s, last) && s.step() >= from);
      }
      Kill kill = kill(run, drafts, aim, moment, random);
      done.add(kill);
      progress.accept(
          "kill %d of %d: rank %s, aimed at %s, after step %d"
              .formatted(
                  k + 1,
                  kills,
                  kill.rank().isPresent() ? kill.rank().getAsInt() : "none yet",
                  moment,
                  kill.step()));
    }
    return done;
  }

  private static Kill kill(
      WatchedRun run, Drafts drafts, Aim aim, Moment moment, SplittableRandom random)
      throws InterruptedException, IOException {
    // To look for a process takes longer than a draft may live; who starts again is not there yet.
    boolean starting = moment == Moment.STARTING;
    List<String> before = starting ? aim.await(moment) : List.of();
    List<ProcessHandle> executors = awaitExecutors(run);
    ProcessHandle victim = executors.get(random.nextInt(executors.size()));
    OptionalInt rank = RunProcesses.rank(victim);
    if (!starting) {
      before = aim.await(moment);
    }
    long step = run.story().step();
    long at = System.nanoTime();
    RunProcesses.kill(victim);
    Thread.sleep(20); // The other rank may be about to end the draft.
    boolean write = drafts.names().stream().anyMatch(before::contains);
    return new Kill(moment, rank, step, write, at);
  }

  /** Whether a step was finished by ranks that were started after a kill. */
  private static boolean trains(RunStory story, long kill) {
    boolean again = kill == 0;
    for (RunStory.Event event : story.since(kill)) {
      again |= event instanceof RunStory.Restart;
      if (again && event instanceof RunStory.Step) {
        return true;
      }
    }
    return false;
  }

  private static List<ProcessHandle> awaitExecutors(WatchedRun run) throws InterruptedException {
    long end = System.nanoTime() + LONGEST.toNanos();
    List<ProcessHandle> executors = run.executors();
    while (executors.isEmpty()) {
      if (System.nanoTime() > end) {
        throw new IllegalStateException("no executors:\n" + run.story().text());
      }
      Thread.sleep(50);
      executors = run.executors();
    }
    return executors;
  }
}
