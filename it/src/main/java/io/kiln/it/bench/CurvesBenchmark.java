package io.kiln.it.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code bin/kiln bench curves}: the loss curve does not know the cluster. */
@Command(
    name = "kiln bench curves",
    mixinStandardHelpOptions = true,
    description =
        "Runs the first steps of a job through Spark at ZeRO stages 0 to 3 on two executors, then on "
            + "1 and 4, and prints how far apart the loss curves are.")
public final class CurvesBenchmark implements Callable<Integer> {
  @Parameters(
      paramLabel = "JOB",
      description = "The job file; its batch sizes but the global one are left out.")
  private Path job;

  @Option(names = "--set", paramLabel = "KEY=VALUE", description = "As for kiln train.")
  private List<String> overrides = new ArrayList<>();

  @Option(names = "--steps", description = "How many (default: ${DEFAULT-VALUE}).")
  private int steps = 200;

  /** What {@code bin/kiln bench} calls. */
  public static int run(String[] arguments) {
    return new CommandLine(new CurvesBenchmark()).execute(arguments);
  }

  /** The same, as a process. */
  public static void main(String[] arguments) {
    System.exit(run(arguments));
  }

  @Override
  public Integer call() throws Exception {
    double[] first = curve(2, 0);
    System.out.printf("2 ranks, stage 0: loss %.4f to %.4f%n", first[0], first[first.length - 1]);
    double worst = 0;
    for (int[] other : new int[][] {{2, 1}, {2, 2}, {2, 3}, {1, 0}, {4, 0}, {4, 3}}) {
      double[] losses = curve(other[0], other[1]);
      double distance = 0;
      for (int i = 0; i < first.length; i++) {
        distance = Math.max(distance, Math.abs(first[i] - losses[i]));
      }
      worst = Math.max(worst, distance);
      System.out.printf(
          "%d rank(s), stage %d: at most %.2e from it in %d steps%n",
          other[0], other[1], distance, losses.length);
    }
    System.out.printf("largest distance of all: %.2e%n", worst);
    return 0;
  }

  private double[] curve(int ranks, int stage) throws Exception {
    List<String> all = new ArrayList<>(overrides);
    all.add("training.max_steps=" + steps);
    all.add("training.eval_steps=1");
    all.add("deepspeed.zero_optimization.stage=" + stage);
    all.add("spark.master=local-cluster[" + ranks + ",1,1024]");
    return JobRuns.throughSpark(job, all).losses();
  }
}
