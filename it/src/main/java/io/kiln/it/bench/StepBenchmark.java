package io.kiln.it.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.engine.tensor.Dtype;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code bin/kiln bench step}: what a training step costs beside a bare libtorch loop. */
@Command(
    name = "kiln bench step",
    mixinStandardHelpOptions = true,
    description = {
      "Times a training step at ZeRO stages 0 to 3 against the floor: a bare libtorch loop of the "
          + "same model in as many processes, without any exchange between them.",
      "All contenders take turns in the same processes; figures are medians, ratios are formed "
          + "within a repetition. nano: 4 layers, 128 wide, 64 tokens, batch 12 a rank; mid: 6 "
          + "layers, 384 wide, 256 tokens, batch 4 a rank; gpt2-124m and gpt2-350m: 1,024 tokens, "
          + "batch 16 and 8 a rank, for GPUs.",
      "Of the memory a rank holds, parameters, gradients and optimizer stand beside the ZeRO paper's "
          + "formula, computed from the number of parameters; every other buffer is named."
    })
public final class StepBenchmark implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** That the command of {@code --against} may run. */
  static final Duration LONGEST_FOREIGN = Duration.ofMinutes(10);

  @Option(
      names = "--shape",
      split = ",",
      description = "nano, mid (both are the default), gpt2-124m, gpt2-350m.")
  private List<GptShape> shapes = List.of(GptShape.NANO, GptShape.MID);

  @Option(names = "--dtype", split = ",", description = "fp32, bf16 or both (default).")
  private List<Dtype> dtypes = List.of(Dtype.FP32, Dtype.BF16);

  @Option(names = "--stage", split = ",", description = "ZeRO stages (default: 0,1,2,3).")
  private List<Integer> stages = List.of(0, 1, 2, 3);

  @Option(names = "--ranks", description = "Processes (default: ${DEFAULT-VALUE}).")
  private int ranks = 2;

  @Option(names = "--threads", description = "Threads a rank (default: ${DEFAULT-VALUE}).")
  private int threads = 1;

  @Option(
      names = "--device",
      description =
          "cpu (default) or cuda, which takes KILN_NATIVES=gpu; a rank a GPU, so --ranks is 1 there.")
  private String device = "cpu";

  @Option(
      names = "--peak",
      paramLabel = "TFLOPS",
      description = "What the device computes at most in this dtype; the share of it is shown.")
  private double peak = Double.NaN;

  @Option(names = "--repetitions", description = "Turns of each (default: ${DEFAULT-VALUE}).")
  private int repetitions = 7;

  @Option(
      names = "--seconds",
      description = "About how long a turn takes (default: ${DEFAULT-VALUE}).")
  private double seconds = 2;

  @Option(
      names = "--against",
      paramLabel = "COMMAND",
      description =
          "Somebody else's command, run once in each turn while the ranks stand still, for at most "
              + "10 minutes; the last number it prints is its milliseconds a step. Takes one shape "
              + "and one dtype.")
  private Optional<String> against = Optional.empty();

  @Option(names = "--json", paramLabel = "FILE", description = "Also write the figures here.")
  private Path json;

  @Spec private CommandSpec spec;

  /** What {@code bin/kiln bench} calls. */
  public static int run(String[] arguments) {
    return BenchmarkCommand.run(new StepBenchmark(), arguments);
  }

  /** The same, as a process. */
  public static void main(String[] arguments) {
    System.exit(run(arguments));
  }

  @Override
  public Integer call() throws IOException {
    check();
    boolean onGpu = !device.equals("cpu");
    int processCount = onGpu ? 1 : ranks;
    List<String> names = shapes.stream().map(GptShape::name).toList();
    System.out.printf(
        "BLAS kernel %s, %d ranks of %d thread(s), %d turns each%n",
        BlasKernel.inUse(RankProcesses.environment(threads)), processCount, threads, repetitions);
    StepFigures figures = new StepFigures(processCount, peak);
    StepPlan plan =
        new StepPlan(
            names,
            dtypes,
            stages,
            repetitions,
            threads,
            seconds,
            device.equals("cuda") ? "cuda:0" : device,
            against.isPresent());
    try (RankProcesses processes =
        new RankProcesses(
            StepRank.class,
            processCount,
            RankProcesses.environment(threads),
            List.of(JSON.writeValueAsString(plan)))) {
      processes.serve((rank, line) -> hear(figures, rank, line));
    }
    System.out.print(figures.table(names, dtypes));
    if (json != null) {
      Files.writeString(json, figures.json(names, dtypes));
    }
    return 0;
  }

  private void check() {
    BenchmarkCommand.demand(
        spec, stages.stream().allMatch(stage -> stage >= 0 && stage <= 3), "--stage is 0 to 3");
    BenchmarkCommand.demand(spec, ranks >= 1, "--ranks is at least 1");
    BenchmarkCommand.demand(spec, threads >= 1, "--threads is at least 1");
    BenchmarkCommand.demand(spec, repetitions >= 1, "--repetitions is at least 1");
    BenchmarkCommand.demand(spec, seconds > 0, "--seconds is more than 0");
    BenchmarkCommand.demand(spec, !(peak <= 0), "--peak is more than 0");
    BenchmarkCommand.demand(
        spec,
        against.isEmpty() || shapes.size() == 1 && dtypes.size() == 1,
        "--against is held against one --shape in one --dtype");
    BenchmarkCommand.demand(
        spec, device.matches("cpu|cuda(:[0-9]+)?"), "--device is cpu or cuda, not " + device);
    BenchmarkCommand.demand(
        spec,
        device.equals("cpu") || torch.cuda_is_available(),
        "--device " + device + ": libtorch finds no GPU (bin/kiln doctor says what is here)");
  }

  private void hear(StepFigures figures, int rank, String line) {
    try {
      JsonNode report = JSON.readTree(line);
      if (report.get("kind").asText().equals("pause")) {
        // The ranks wait until this returns.
        ForeignCommand foreign = new ForeignCommand(against.orElseThrow(), LONGEST_FOREIGN);
        figures.other(report.get("repetition").asInt(), foreign.millisAStep());
      } else {
        figures.add(rank, report);
      }
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a rank reported what is no JSON: " + line, e);
    } catch (IOException e) {
      throw new IllegalStateException("--against: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while the command of --against ran", e);
    }
  }
}
