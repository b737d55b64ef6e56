package io.kiln.it.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code bin/kiln bench spark}: what the barrier stage adds to a step. */
@Command(
    name = "kiln bench spark",
    mixinStandardHelpOptions = true,
    description =
        "Trains the same job through a barrier stage on two executors and in two bare processes "
            + "with the same engine, in turn, and compares the median time from the end of a step to "
            + "the end of the next: what Spark adds between two steps is in it.")
public final class SparkBenchmark implements Callable<Integer> {
  @Option(names = "--shape", description = "nano or mid (default).")
  private GptShape gpt = GptShape.MID;

  @Option(names = "--repetitions", description = "Turns of each (default: ${DEFAULT-VALUE}).")
  private int repetitions = 4;

  @Option(names = "--steps", description = "Steps a turn (default: 100 of mid, 1500 of nano).")
  private Optional<Integer> steps = Optional.empty();

  @Spec private CommandSpec spec;

  /** What {@code bin/kiln bench} calls. */
  public static int run(String[] arguments) {
    return BenchmarkCommand.run(new SparkBenchmark(), arguments);
  }

  /** The same, as a process. */
  public static void main(String[] arguments) {
    System.exit(run(arguments));
  }

  @Override
  public Integer call() throws Exception {
    BenchmarkCommand.demand(spec, repetitions >= 1, "--repetitions is at least 1");
    int count = steps.orElse(gpt == GptShape.NANO ? 1500 : 100);
    BenchmarkCommand.demand(spec, count >= 1, "--steps is at least 1");
    Path directory = Files.createTempDirectory("kiln-bench-spark");
    try {
      Path job = jobOf(gpt, directory, count);
      List<Double> ratios = new ArrayList<>();
      for (int turn = 0; turn < repetitions; turn++) {
        // A machine that gets slower or faster meanwhile must not favour either.
        boolean sparkFirst = turn % 2 == 1;
        double before = sparkFirst ? throughSpark(job) : direct(job);
        double after = sparkFirst ? direct(job) : throughSpark(job);
        double direct = sparkFirst ? after : before;
        double spark = sparkFirst ? before : after;
        ratios.add(spark / direct);
        System.out.printf(
            "turn %d: %.2f ms a step in processes, %.2f ms through Spark, %.3fx%n",
            turn + 1, direct, spark, spark / direct);
      }
      System.out.printf(
          "Spark's own cost: %+.1f %% of a step (median of %d)%n",
          100 * (JobRuns.median(ratios) - 1), ratios.size());
      return 0;
    } finally {
      JobRuns.delete(directory);
    }
  }

  private static double direct(Path job) {
    return JobRuns.direct(job, 2, List.of()).wallMillis();
  }

  private static double throughSpark(Path job) throws IOException, InterruptedException {
    return JobRuns.throughSpark(job, List.of()).wallMillis();
  }

  /** A shape's job and its corpus, in a folder. */
  static Path jobOf(GptShape gpt, Path directory, int steps) throws IOException {
    Path corpus = Files.writeString(directory.resolve("corpus.txt"), corpus(gpt, steps));
    return Files.writeString(directory.resolve("job.json"), job(gpt, corpus, steps));
  }

  private static String job(GptShape gpt, Path corpus, int steps) {
    return """
        {"model": {"model_type": "gpt2", "n_layer": %d, "n_head": %d, "n_embd": %d,
                   "n_positions": %d, "resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0},
         "data": {"path": "%s", "format": "text", "tokenizer": "chars", "sequence_length": %d},
         "deepspeed": {"train_micro_batch_size_per_gpu": %d, "gradient_clipping": 1.0,
                       "optimizer": {"type": "AdamW", "params": {"lr": 1e-3}},
                       "zero_optimization": {"stage": 2}},
         "training": {"max_steps": %d, "seed": 1},
         "spark": {"master": "local-cluster[2,1,1024]"},
         "output_dir": "unused"}
        """
        .formatted(
            gpt.layers(),
            gpt.heads(),
            gpt.hidden(),
            gpt.time(),
            corpus,
            gpt.time(),
            gpt.batch(),
            steps);
  }

  /** Random characters, as many different ones as the shape has tokens: enough for an epoch. */
  private static String corpus(GptShape gpt, int steps) {
    SplittableRandom random = new SplittableRandom(1);
    StringBuilder text = new StringBuilder();
    long length = Math.min(4_000_000, 2 * gpt.tokens() * (steps + 1));
    for (long i = 0; i < length; i++) {
      text.appendCodePoint(0x100 + random.nextInt(gpt.vocabulary()));
    }
    return text.toString();
  }
}
