package io.kiln.it.bench;

import io.kiln.engine.config.ConfigException;
import io.kiln.spark.job.Job;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code bin/kiln bench curves}: the loss curve does not know the cluster. */
@Command(
    name = "kiln bench curves",
    mixinStandardHelpOptions = true,
    description =
        "Runs the first steps of a job through Spark at ZeRO stages 0 to 3 on two executors, then on "
            + "1 and 4, and prints how far apart the loss curves are. Exit status 1 if one is more than "
            + "1e-3 from the first.")
public final class CurvesBenchmark implements Callable<Integer> {
  private static final double EQUAL = 1e-3;
  private static final int UNEQUAL = 1;

  @Parameters(
      paramLabel = "JOB",
      description = "The job file; needs a train_batch_size; the other batch sizes are left out.")
  private Path job;

  @Option(names = "--set", paramLabel = "KEY=VALUE", description = "As for kiln train.")
  private List<String> overrides = new ArrayList<>();

  @Option(names = "--steps", description = "How many (default: ${DEFAULT-VALUE}).")
  private int steps = 200;

  @Spec private CommandSpec spec;

  /** What {@code bin/kiln bench} calls. */
  public static int run(String[] arguments) {
    return BenchmarkCommand.run(new CurvesBenchmark(), arguments);
  }

  /** The same, as a process. */
  public static void main(String[] arguments) {
    System.exit(run(arguments));
  }

  @Override
  public Integer call() throws Exception {
    BenchmarkCommand.demand(spec, steps >= 1, "--steps is at least 1");
    if (Job.read(job, overrides(2, 0)).deepspeed().path("train_batch_size").asInt() < 1) {
      throw new ConfigException(
          "deepspeed.train_batch_size",
          "is needed: it is what stays as the number of ranks changes");
    }
    double[] first = curve(2, 0);
    System.out.printf("2 ranks, stage 0: loss %.4f to %.4f%n", first[0], first[first.length - 1]);
    double worst = 0;
    for (int[] other : new int[][] {{2, 1}, {2, 2}, {2, 3}, {1, 0}, {4, 0}, {4, 3}}) {
      double[] losses = curve(other[0], other[1]);
      if (losses.length != first.length) {
        throw new IllegalStateException(
            "a run ended after " + losses.length + " steps, another after " + first.length);
      }
      double distance = 0;
      for (int i = 0; i < first.length; i++) {
        distance = Math.max(distance, Math.abs(first[i] - losses[i]));
      }
      worst = Math.max(worst, distance);
      System.out.printf(
          "%d rank(s), stage %d: at most %.2e from it in %d steps%n",
          other[0], other[1], distance, losses.length);
    }
    // What is no number is not equal.
    boolean equal = worst <= EQUAL;
    System.out.printf(
        "largest distance of all: %.2e; equal to 1e-3: %s%n", worst, equal ? "yes" : "no");
    return equal ? 0 : UNEQUAL;
  }

  private double[] curve(int ranks, int stage) throws Exception {
    return JobRuns.losses(job, overrides(ranks, stage));
  }

  private List<String> overrides(int ranks, int stage) {
    List<String> all = new ArrayList<>(overrides);
    all.add("training.max_steps=" + steps);
    all.add("training.eval_steps=1");
    all.add("deepspeed.train_micro_batch_size_per_gpu=null");
    all.add("deepspeed.gradient_accumulation_steps=null");
    all.add("deepspeed.zero_optimization.stage=" + stage);
    all.add("spark.master=local-cluster[" + ranks + ",1,1024]");
    return all;
  }
}
