package io.kiln.it.bench;

import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.it.chaos.ChaosReport;
import io.kiln.it.chaos.ChaosRun;
import io.kiln.it.chaos.CheckpointPlace;
import io.kiln.it.chaos.Moment;
import io.kiln.spark.cli.HadoopOptions;
import io.kiln.spark.job.Job;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code bin/kiln bench chaos}: executors are killed and nothing is lost. */
@Command(
    name = "kiln bench chaos",
    mixinStandardHelpOptions = true,
    description =
        "Trains a job undisturbed, then again while its executors are killed (kill -9) in forward, "
            + "in backward and reduce, in checkpoint writes and while they start again; prints what "
            + "that cost and whether the curves are the same. Ends with status 1 where they are not, "
            + "something is left behind, the median from a kill to the next finished step is above "
            + "15 s or, with training.redundancy=1, more than one step is repeated after one "
            + "death.")
public final class ChaosBenchmark implements Callable<Integer> {
  private static final int STEPS_A_KILL = 25;
  private static final int WRONG = 1;
  private static final String CHECKPOINT_DIR = "training.checkpoint_dir";

  @Parameters(
      paramLabel = "JOB",
      arity = "0..1",
      description = "The job file (default: a nano GPT on two executors).")
  private Optional<Path> job = Optional.empty();

  @Option(names = "--set", paramLabel = "KEY=VALUE", description = "As for kiln train.")
  private List<String> overrides = new ArrayList<>();

  @Option(
      names = "--dir",
      paramLabel = "PATH",
      description =
          "Where a folder for the checkpoints is made and removed: any path of Hadoop's (default: "
              + "this machine's temporary files).")
  private Optional<String> parent = Optional.empty();

  @Mixin private HadoopOptions hadoop = new HadoopOptions();

  @Option(names = "--kills", description = "How many (default: ${DEFAULT-VALUE}).")
  private int kills = 20;

  @Option(names = "--steps", description = "Of the job (default: " + STEPS_A_KILL + " a kill).")
  private Optional<Long> steps = Optional.empty();

  @Option(names = "--interval", description = "Steps between checkpoints (default: 10).")
  private long interval = 10;

  @Option(names = "--seed", description = "Of whom to kill and when (default: 1).")
  private long seed = 1;

  @Spec private CommandSpec spec;

  /** What {@code bin/kiln bench} calls. */
  public static int run(String[] arguments) {
    return BenchmarkCommand.run(new ChaosBenchmark(), arguments);
  }

  /** The same, as a process. */
  public static void main(String[] arguments) {
    System.exit(run(arguments));
  }

  private int train(ChaosRun run, boolean redundant) throws Exception {
    run.trainUndisturbed(System.out::println);
    ChaosReport report = run.trainKilled("killed", Moment.cycle(kills), System.out::println);
    report.lines().forEach(System.out::println);
    List<String> faults = report.faults(redundant);
    System.out.println(
        faults.isEmpty() ? "verdict: good" : "verdict: NOT GOOD: " + String.join("; ", faults));
    return faults.isEmpty() ? 0 : WRONG;
  }

  @Override
  public Integer call() throws Exception {
    BenchmarkCommand.demand(spec, kills >= 1, "--kills is at least 1");
    BenchmarkCommand.demand(spec, interval >= 1, "--interval is at least 1");
    BenchmarkCommand.demand(
        spec,
        overrides.stream().noneMatch(override -> override.startsWith(CHECKPOINT_DIR)),
        "--set " + CHECKPOINT_DIR + " is --dir here: each run has a folder of its own there");
    long count = steps.orElse((long) STEPS_A_KILL * kills);
    BenchmarkCommand.demand(spec, count > 2L * kills, "--steps is more than two a kill");
    Path directory = Files.createTempDirectory("kiln-bench-chaos");
    try {
      List<String> all = new ArrayList<>();
      all.add("spark.master=local-cluster[2,1,1024]");
      all.add("training.checkpoint_interval=" + interval);
      all.addAll(overrides);
      Path file =
          job.isPresent()
              ? job.get()
              : SparkBenchmark.jobOf(GptShape.NANO, directory, Math.toIntExact(count));
      // What cannot be used is told before anything starts.
      boolean redundant = Job.read(file, all).training().recovery().redundancy() > 0;
      CheckpointPlace place =
          new CheckpointPlace(
              parent
                  .map(path -> path + "/kiln-bench-" + UUID.randomUUID())
                  .orElse(directory.resolve("checkpoints").toString()),
              hadoop.settings());
      try (CheckpointStore store = place.open()) {
        // A store that is not there or refuses says so here, in one line.
        store.list("");
        Path root = Path.of(System.getProperty("kiln.root"));
        try {
          return train(new ChaosRun(root, file, all, count, seed, directory, place), redundant);
        } finally {
          store.delete("");
        }
      }
    } finally {
      JobRuns.delete(directory);
    }
  }
}
