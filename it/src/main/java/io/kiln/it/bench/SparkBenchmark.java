package io.kiln.it.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code bin/kiln bench spark}: what the barrier stage adds to a step. */
@Command(
    name = "kiln bench spark",
    mixinStandardHelpOptions = true,
    description = {
      "Trains the same job through a barrier stage on two executors and in two bare processes with "
          + "the same engine, and compares the time from the end of a step to the end of the next: "
          + "what Spark adds between two steps is in it.",
      "Both are started, and one stands still while the other runs, in rounds. A round's figure is "
          + "the median of its steps; a round through Spark is compared with the bare ones before "
          + "and after it, so that a machine that others use too favours neither. The first third "
          + "of the rounds, in which JVMs compile, does not count.",
      "Ends with status 1 where the median of all rounds is not below its limit."
    })
public final class SparkBenchmark implements Callable<Integer> {
  private static final int TOO_MUCH = 1;
  private static final Duration LONGEST_START = Duration.ofMinutes(5);

  /** It is ended when its rounds are over. */
  private static final List<String> ENDLESS = List.of("training.max_steps=1000000");

  private static final int STEPS_OF_TEXT = 200;

  @Option(names = "--shape", description = "nano or mid (default).")
  private GptShape gpt = GptShape.MID;

  @Option(
      names = "--repetitions",
      description = "How often both are started (default: ${DEFAULT-VALUE}).")
  private int repetitions = 3;

  @Option(names = "--rounds", description = "Of each, a start (default: ${DEFAULT-VALUE}).")
  private int rounds = 12;

  @Option(names = "--seconds", description = "Of a round (default: ${DEFAULT-VALUE}).")
  private double seconds = 10;

  @Option(
      names = "--below",
      paramLabel = "PERCENT",
      description = "Of a step, that Spark may add (default: ${DEFAULT-VALUE}).")
  private double below = 2;

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
    BenchmarkCommand.demand(spec, rounds >= 3, "--rounds is at least 3");
    BenchmarkCommand.demand(spec, seconds >= 1, "--seconds is at least 1");
    BenchmarkCommand.demand(spec, below > 0, "--below is more than 0");
    Path directory = Files.createTempDirectory("kiln-bench-spark");
    try {
      Path job = jobOf(gpt, directory, STEPS_OF_TEXT);
      List<Double> ratios = new ArrayList<>();
      for (int turn = 1; turn <= repetitions; turn++) {
        ratios.addAll(turn(turn, job, directory.resolve("output-" + turn)));
      }
      double cost = JobRuns.median(ratios) - 1;
      boolean good = cost < below / 100;
      System.out.printf(
          "verdict: %s: Spark adds %+.1f %% to a step (median of %d rounds), to be below %.1f %%%n",
          good ? "good" : "TOO MUCH", 100 * cost, ratios.size(), below);
      return good ? 0 : TOO_MUCH;
    } finally {
      JobRuns.delete(directory);
    }
  }

  private List<Double> turn(int turn, Path job, Path output)
      throws IOException, InterruptedException {
    Duration length = Duration.ofMillis(Math.round(1000 * seconds));
    try (PausableTraining bare = new BareTraining(job, 2, ENDLESS);
        RoundRunner direct = RoundRunner.of(bare, length, LONGEST_START);
        PausableTraining barrier = new BarrierTraining(job, output, ENDLESS);
        RoundRunner spark = RoundRunner.of(barrier, length, LONGEST_START)) {
      for (int round = 0; round < rounds; round++) {
        direct.run();
        spark.run();
      }
      direct.run();
      int warm = rounds / 3;
      List<List<Double>> without = direct.end().subList(warm, rounds + 1);
      List<List<Double>> with = spark.end().subList(warm, rounds);
      List<Double> ratios = RoundTimes.ratios(without, with);
      System.out.printf(
          "start %d: %.2f ms a step in processes, %.2f ms through Spark; rounds%s%n",
          turn,
          RoundTimes.middle(without),
          RoundTimes.middle(with),
          ratios.stream().map(" %.3f"::formatted).collect(Collectors.joining()));
      return ratios;
    }
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
