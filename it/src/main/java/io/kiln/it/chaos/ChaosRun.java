package io.kiln.it.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/**
 * A job that is trained undisturbed, and again while its executors are killed or frozen; what comes
 * of it is compared.
 *
 * @param root of the checkout
 * @param job file; its checkpoints go to its output directory
 * @param overrides of the job
 * @param steps to train
 * @param seed of which executor is killed and when
 * @param folder for the runs, one of each kind
 */
public record ChaosRun(
    Path root, Path job, List<String> overrides, long steps, long seed, Path folder) {
  private static final Duration LONGEST = Duration.ofMinutes(10);

  /** What happens to a run while it goes on. */
  private interface Disturbance {
    List<Kill> of(WatchedRun run) throws IOException, InterruptedException;
  }

  private Path undisturbed() {
    return folder.resolve("undisturbed");
  }

  private static Path checkpoints(WatchedRun run) {
    return run.outputDir().resolve("checkpoints");
  }

  /** What the others are compared with: before them. */
  public void trainUndisturbed(Consumer<String> progress) throws IOException, InterruptedException {
    long begin = System.nanoTime();
    try (WatchedRun run = start(undisturbed(), leftovers("undisturbed"))) {
      run.awaitSuccess(LONGEST);
    }
    progress.accept(
        "undisturbed: %d steps in %.0f s".formatted(steps, (System.nanoTime() - begin) / 1e9));
  }

  /**
   * With executors killed.
   *
   * @param kills how many; the run has more than twice as many steps
   * @param progress hears lines as it goes
   */
  public ChaosReport trainKilled(int kills, Consumer<String> progress)
      throws IOException, InterruptedException {
    return train("killed", progress, run -> kill(run, kills, progress));
  }

  /** With one executor frozen. */
  public ChaosReport trainFrozen(Consumer<String> progress)
      throws IOException, InterruptedException {
    return train(
        "frozen",
        progress,
        run -> {
          run.story().await("some steps", LONGEST, story -> story.step() >= steps / 2);
          List<ProcessHandle> executors = run.executors();
          RunProcesses.freeze(executors.get(new SplittableRandom(seed).nextInt(executors.size())));
          return List.of(new Kill(Moment.ANY, run.story().step(), false, System.nanoTime()));
        });
  }

  private ChaosReport train(String name, Consumer<String> progress, Disturbance disturbance)
      throws IOException, InterruptedException {
    Leftovers leftovers = leftovers(name);
    try (WatchedRun run = start(folder.resolve(name), leftovers)) {
      List<Kill> done = disturbance.of(run);
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
              leftovers.of(output, checkpoints(run)));
      report.killLines().forEach(progress);
      return report;
    }
  }

  private Leftovers leftovers(String name) throws IOException {
    return new Leftovers(Files.createDirectories(folder.resolve("tmp-" + name)));
  }

  private WatchedRun start(Path output, Leftovers leftovers) throws IOException {
    List<String> all = new ArrayList<>(leftovers.overrides());
    all.add("training.max_steps=" + steps);
    all.add("training.max_restarts=1000");
    all.addAll(overrides);
    return WatchedRun.start(root, job, all, output, leftovers.environment());
  }

  /** The k-th kill comes in the k-th part of the run: all of them come before its end. */
  private List<Kill> kill(WatchedRun run, int kills, Consumer<String> progress)
      throws InterruptedException, IOException {
    SplittableRandom random = new SplittableRandom(seed);
    RunStory story = run.story();
    Aim aim = new Aim(story, checkpoints(run), random);
    List<Kill> done = new ArrayList<>();
    List<Moment> moments = Aim.moments(kills);
    for (int k = 0; k < kills; k++) {
      Moment moment = moments.get(k);
      if (moment != Moment.STARTING) {
        long part = steps / (kills + 1);
        long from = k * part + 1 + (long) (random.nextDouble() * part);
        long last = done.isEmpty() ? 0 : done.get(done.size() - 1).at();
        story.await("step " + from, LONGEST, s -> trains(s, last) && s.step() >= from);
      }
      aim.await(moment);
      List<ProcessHandle> executors = awaitExecutors(run);
      ProcessHandle victim = executors.get(random.nextInt(executors.size()));
      long step = story.step();
      long at = System.nanoTime();
      victim.destroyForcibly();
      Thread.sleep(20); // The other rank may be about to end the draft.
      done.add(new Kill(moment, step, !Aim.drafts(checkpoints(run)).isEmpty(), at));
      progress.accept(
          "kill %d of %d: process %d, aimed at %s, after step %d"
              .formatted(k + 1, kills, victim.pid(), moment, step));
    }
    return done;
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
