package io.kiln.it.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.engine.tensor.Dtype;
import io.kiln.spark.cli.HadoopOptions;
import io.kiln.spark.store.HadoopCheckpointStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code bin/kiln bench checkpoint}: what checkpoints cost a training, and how fast they are. */
@Command(
    name = "kiln bench checkpoint",
    mixinStandardHelpOptions = true,
    description = {
      "Trains with and without checkpoints in turn, in the same processes, and times the writing "
          + "and reading of a checkpoint beside a plain copy of as many bytes.",
      "wait: the share of training time that steps stood still for checkpoints. slow-down: how "
          + "much longer the same steps take with checkpoints, what goes on behind them included. "
          + "Rates are those of all ranks together; a plain copy goes through the same streams of "
          + "the same store, synced (as a checkpoint is) and not synced, without checksums and "
          + "without a format. What is read was just written: a local disk's is still in memory, "
          + "for both.",
      "Ends with status 1 where the median of the wait is not below its limit."
    })
public final class CheckpointBenchmark implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int TOO_LONG = 1;

  @Option(
      names = "--dir",
      paramLabel = "PATH",
      description =
          "Where a folder for the checkpoints is made and removed: any path of Hadoop's (default: "
              + "this machine's temporary files).")
  private String directory;

  @Mixin private HadoopOptions hadoop = new HadoopOptions();

  @Option(names = "--shape", description = "nano or mid (default), or one of bench step's others.")
  private GptShape shape = GptShape.MID;

  @Option(names = "--dtype", split = ",", description = "fp32, bf16 or both (default).")
  private List<Dtype> dtypes = List.of(Dtype.FP32, Dtype.BF16);

  @Option(names = "--stage", split = ",", description = "ZeRO stages (default: 2,3).")
  private List<Integer> stages = List.of(2, 3);

  @Option(
      names = "--every",
      paramLabel = "STEPS",
      description = "Steps from one checkpoint to the next (default: ${DEFAULT-VALUE}).")
  private int every = 20;

  @Option(names = "--ranks", description = "Processes (default: ${DEFAULT-VALUE}).")
  private int ranks = 2;

  @Option(names = "--threads", description = "Threads a rank (default: ${DEFAULT-VALUE}).")
  private int threads = 1;

  @Option(names = "--repetitions", description = "Turns of each (default: ${DEFAULT-VALUE}).")
  private int repetitions = 7;

  @Option(
      names = "--below",
      paramLabel = "PERCENT",
      description =
          "Of the training time, that steps may wait for checkpoints (default: ${DEFAULT-VALUE}).")
  private double below = 2;

  @Option(names = "--json", paramLabel = "FILE", description = "Also write the figures here.")
  private Path json;

  @Spec private CommandSpec spec;

  /** What {@code bin/kiln bench} calls. */
  public static int run(String[] arguments) {
    return BenchmarkCommand.run(new CheckpointBenchmark(), arguments);
  }

  /** The same, as a process. */
  public static void main(String[] arguments) {
    System.exit(run(arguments));
  }

  @Override
  public Integer call() throws IOException {
    BenchmarkCommand.demand(spec, every >= 1, "--every is at least 1");
    BenchmarkCommand.demand(spec, ranks >= 1, "--ranks is at least 1");
    BenchmarkCommand.demand(spec, threads >= 1, "--threads is at least 1");
    BenchmarkCommand.demand(spec, repetitions >= 1, "--repetitions is at least 1");
    BenchmarkCommand.demand(
        spec, stages.stream().allMatch(stage -> stage >= 0 && stage <= 3), "--stage is 0 to 3");
    BenchmarkCommand.demand(spec, below > 0, "--below is more than 0");
    Optional<Path> temporary =
        directory == null
            ? Optional.of(Files.createTempDirectory("kiln-bench-checkpoint"))
            : Optional.empty();
    String parent = temporary.map(Path::toString).orElse(directory);
    String folder = parent + "/kiln-bench-" + UUID.randomUUID();
    try (CheckpointStore store =
        HadoopCheckpointStore.of(
            folder, HadoopOptions.configuration(hadoop.settings(), System.getenv()))) {
      // A store that is not there or refuses says so here, in one line.
      store.list("");
      System.out.printf(
          "%s, %d ranks of %d thread(s), %d turns each, a checkpoint every %d steps to %s%n",
          shape.name(), ranks, threads, repetitions, every, parent);
      CheckpointTurns turns =
          new CheckpointTurns(
              folder, hadoop.settings(), shape.name(), dtypes, stages, every, repetitions, threads);
      CheckpointFigures figures = new CheckpointFigures(ranks);
      try (RankProcesses processes =
          new RankProcesses(
              CheckpointRank.class,
              ranks,
              RankProcesses.environment(threads),
              List.of(JSON.writeValueAsString(turns)))) {
        processes.serve((rank, line) -> report(figures, line));
      } finally {
        store.delete("");
      }
      System.out.print(figures.table());
      if (json != null) {
        Files.writeString(json, figures.json());
      }
      figures.verdict(below / 100).forEach(line -> System.out.println("verdict: " + line));
      return figures.below(below / 100) ? 0 : TOO_LONG;
    } finally {
      if (temporary.isPresent()) {
        JobRuns.delete(temporary.get());
      }
    }
  }

  private static void report(CheckpointFigures figures, String line) {
    try {
      figures.add(JSON.readTree(line));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a rank reported what is no JSON: " + line, e);
    }
  }
}
