package io.kiln.it.bench;

import io.kiln.it.chaos.ChaosReport;
import io.kiln.it.chaos.ChaosRun;
import io.kiln.spark.job.Job;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
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
            + "that cost and whether the curves are the same.")
public final class ChaosBenchmark implements Callable<Integer> {
  private static final int STEPS_A_KILL = 40;
  private static final int WRONG = 1;

  @Parameters(
      paramLabel = "JOB",
      arity = "0..1",
      description = "The job file (default: a nano GPT on two executors).")
  private Optional<Path> job = Optional.empty();

  @Option(names = "--set", paramLabel = "KEY=VALUE", description = "As for kiln train.")
  private List<String> overrides = new ArrayList<>();

  @Option(names = "--kills", description = "How many (default: ${DEFAULT-VALUE}).")
  private int kills = 20;

  @Option(names = "--steps", description = "Of the job (default: 40 a kill).")
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

  @Override
  public Integer call() throws Exception {
    BenchmarkCommand.demand(spec, kills >= 1, "--kills is at least 1");
    BenchmarkCommand.demand(spec, interval >= 1, "--interval is at least 1");
    long count = steps.orElse((long) STEPS_A_KILL * (kills + 1));
    BenchmarkCommand.demand(spec, count >= 1, "--steps is at least 1");
    Path directory = Files.createTempDirectory("kiln-bench-chaos");
    try {
      List<String> all = new ArrayList<>();
      all.add("spark.master=local-cluster[2,1,1024]");
      all.add("training.checkpoint_interval=" + interval);
      all.addAll(overrides);
      // What cannot be used is told before anything starts.
      job.ifPresent(file -> Job.read(file, all));
      Path file =
          job.isPresent()
              ? job.get()
              : SparkBenchmark.jobOf(GptShape.NANO, directory, Math.toIntExact(count));
      ChaosRun run =
          new ChaosRun(Path.of(System.getProperty("kiln.root")), file, all, count, seed, directory);
      run.trainUndisturbed(System.out::println);
      ChaosReport report = run.trainKilled(kills, System.out::println);
      report.lines().forEach(System.out::println);
      return report.good() ? 0 : WRONG;
    } finally {
      JobRuns.delete(directory);
    }
  }
}
