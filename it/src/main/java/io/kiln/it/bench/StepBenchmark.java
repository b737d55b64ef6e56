package io.kiln.it.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.engine.tensor.Dtype;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

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
          + "batch 16 and 8 a rank, for GPUs."
    })
public final class StepBenchmark implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Option(
      names = "--shape",
      split = ",",
      description = "nano, mid (both are the default), gpt2-124m, gpt2-350m.")
  private List<String> shapes = List.of("nano", "mid");

  @Option(names = "--dtype", split = ",", description = "fp32, bf16 or both (default).")
  private List<String> dtypes = List.of("fp32", "bf16");

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
          "Somebody else's command, run once between two rounds; the last number it prints is its "
              + "milliseconds a step.")
  private String against;

  @Option(names = "--json", paramLabel = "FILE", description = "Also write the figures here.")
  private Path json;

  /** What {@code bin/kiln bench} calls. */
  public static int run(String[] arguments) {
    return new CommandLine(new StepBenchmark()).execute(arguments);
  }

  /** The same, as a process. */
  public static void main(String[] arguments) {
    System.exit(run(arguments));
  }

  @Override
  public Integer call() throws Exception {
    List<Dtype> types = new ArrayList<>();
    for (String name : dtypes) {
      types.add(Dtype.valueOf(name.toUpperCase(Locale.ROOT)));
    }
    shapes.forEach(GptShape::named);
    boolean onGpu = !device.equals("cpu");
    if (onGpu && !torch.cuda_is_available()) {
      System.err.println(
          "kiln: --device "
              + device
              + ": libtorch finds no GPU; bin/kiln doctor says what is here");
      return 2;
    }
    String where = device.equals("cuda") ? "cuda:0" : device;
    System.out.printf(
        "BLAS kernel %s, %d ranks of %d thread(s), %d turns each%n",
        BlasKernel.inUse(RankProcesses.environment(threads)),
        onGpu ? 1 : ranks,
        threads,
        repetitions);
    StepFigures figures = new StepFigures(onGpu ? 1 : ranks, peak);
    int rounds = against == null ? 1 : 2;
    for (int round = 0; round < rounds; round++) {
      if (against != null) {
        figures.other(runOther());
      }
      StepPlan plan =
          new StepPlan(shapes, types, stages, repetitions / rounds, threads, seconds, where);
      try (RankProcesses processes =
          new RankProcesses(
              StepRank.class,
              onGpu ? 1 : ranks,
              RankProcesses.environment(threads),
              List.of(JSON.writeValueAsString(plan)))) {
        int offset = round * repetitions;
        processes.serve((rank, line) -> figures.add(rank, offset, parse(line)));
      }
    }
    if (against != null) {
      figures.other(runOther());
    }
    System.out.print(figures.table(shapes, types));
    if (json != null) {
      Files.writeString(json, figures.json(shapes, types));
    }
    return 0;
  }

  private static JsonNode parse(String line) {
    try {
      return JSON.readTree(line);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a rank reported what is no JSON: " + line, e);
    }
  }

  private double runOther() throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder("bash", "-c", against);
    builder.environment().remove("OPENBLAS_CORETYPE");
    builder.environment().remove("OPENBLAS_L2_SIZE");
    builder.redirectErrorStream(true);
    Process process = builder.start();
    Optional<Double> last = Optional.empty();
    for (String line : new String(process.getInputStream().readAllBytes()).split("\n")) {
      for (String word : line.split("[^0-9.eE+-]+")) {
        try {
          last = Optional.of(Double.parseDouble(word));
        } catch (NumberFormatException notANumber) {
          continue;
        }
      }
    }
    int status = process.waitFor();
    if (status != 0 || last.isEmpty()) {
      throw new CommandLine.ExecutionException(
          new CommandLine(this),
          "--against: the command ended with status " + status + " and printed no number");
    }
    return last.get();
  }
}
