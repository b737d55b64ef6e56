package io.kiln.it.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.engine.checkpoint.LocalCheckpointStore;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.comm.Membership;
import io.kiln.engine.comm.Rendezvous;
import io.kiln.engine.comm.StoreServer;
import io.kiln.engine.comm.Transport;
import io.kiln.engine.config.DeepSpeedConfig;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.ModelFamilies;
import io.kiln.engine.tensor.ComputeDevice;
import io.kiln.engine.tensor.Dtype;
import io.kiln.engine.train.FromSeed;
import io.kiln.engine.train.StartingPoint;
import io.kiln.engine.train.Training;
import io.kiln.engine.train.TrainingPlan;
import io.kiln.engine.train.recovery.CheckpointListener;
import io.kiln.engine.train.recovery.CheckpointPolicy;
import io.kiln.engine.train.recovery.Checkpointing;
import io.kiln.engine.train.recovery.Resumption;
import io.kiln.engine.train.recovery.RunDescription;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Whether the engine computes on a device what it computes on the processor, where its tests hold
 * it against plain loops: loss curves and trained values of small models, by ZeRO stage, dtype and
 * optimizer, on one rank. A line a case; the exit status is 1 if one is off.
 */
@Command(
    name = "device-check",
    mixinStandardHelpOptions = true,
    description = "Trains small models on a device and on the processor and compares.")
public final class DeviceCheck implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int STEPS = 8;
  private static final long SEED = 42;
  private static final GptShape SHAPE = new GptShape("small", 3, 2, 64, 32, 8, 65);

  /** Other kernels add in another order; Adam makes a whole step of a gradient that is rounding. */
  private static final double FP32 = 1e-3;

  /** Eight bits of mantissa, and a few roundings more or less. */
  private static final double HALF = 2e-2;

  private static final String LLAMA =
      """
      {"model_type": "llama", "num_hidden_layers": 2, "num_attention_heads": 4,
       "num_key_value_heads": 2, "hidden_size": 64, "intermediate_size": 96,
       "max_position_embeddings": 32, "vocab_size": 65}
      """;

  @Option(names = "--device", description = "cuda:0 (default), or cpu to try the check itself.")
  private String device = "cuda:0";

  @Option(names = "--json", paramLabel = "FILE", description = "Also write the cases here.")
  private Path json;

  private final ArrayNode report = JSON.createArrayNode();

  /** What a run left. */
  private record Outcome(List<Double> losses, Map<String, float[]> values) {}

  /** Something that can be off. */
  private interface Case {
    /** How far it is off, relative to what is there. */
    double off() throws IOException;
  }

  private DeviceCheck() {}

  /** The process's entry. */
  public static void main(String[] arguments) {
    System.exit(BenchmarkCommand.run(new DeviceCheck(), arguments));
  }

  @Override
  public Integer call() throws IOException {
    boolean good = true;
    for (String model : List.of("gpt2", "llama")) {
      for (int stage = 0; stage <= 3; stage++) {
        for (int accumulation : new int[] {1, 2}) {
          String config = config("AdamW", Dtype.FP32, stage, accumulation);
          good &=
              holds(
                  model + " fp32 " + StepPlan.stage(stage) + " x" + accumulation,
                  FP32,
                  () -> compared(model, config, config));
        }
      }
      for (Dtype dtype : List.of(Dtype.BF16, Dtype.FP16)) {
        for (int stage : new int[] {0, 3}) {
          // 16-bit floats on the processor are slow in fp16: the reference is fp32.
          good &=
              holds(
                  model + " " + dtype.label() + " " + StepPlan.stage(stage),
                  HALF,
                  () ->
                      lossesOff(
                          train(model, config("AdamW", Dtype.FP32, 0, 1), "cpu"),
                          train(model, config("AdamW", dtype, stage, 1), device)));
        }
      }
    }
    for (String optimizer : List.of("Adam", "SGD", "Lion", "Adagrad")) {
      String config = config(optimizer, Dtype.FP32, 2, 1);
      // Lion steps by signs, and a key's bias has a gradient that is rounding alone.
      boolean signs = optimizer.equals("Lion");
      good &=
          holds(
              "gpt2 fp32 " + optimizer,
              FP32,
              () ->
                  signs
                      ? lossesOff(train("gpt2", config, "cpu"), train("gpt2", config, device))
                      : compared("gpt2", config, config));
    }
    if (!device.equals("cpu")) {
      for (Dtype dtype : List.of(Dtype.BF16, Dtype.FP16)) {
        for (long classes : new long[] {8, 1001, 50257}) {
          good &=
              holds(
                  "cross entropy " + dtype.label() + " of " + classes,
                  dtype == Dtype.BF16 ? 4e-3 : 6e-4,
                  () -> CrossEntropyCheck.off(new ComputeDevice(device), dtype, classes));
        }
      }
    }
    for (Dtype dtype : List.of(Dtype.FP32, Dtype.BF16)) {
      for (int stage = 0; stage <= 3; stage++) {
        String config = config("AdamW", dtype, stage, 1);
        good &=
            holds(
                "gpt2 " + dtype.label() + " " + StepPlan.stage(stage) + " resumed",
                0,
                () -> off(train("gpt2", config, device), resumed("gpt2", config)));
        if (!device.equals("cpu")) {
          good &=
              holds(
                  "gpt2 " + dtype.label() + " " + StepPlan.stage(stage) + " over NCCL",
                  0,
                  () -> off(train("gpt2", config, device), overNccl("gpt2", config)));
        }
      }
    }
    if (json != null) {
      Files.writeString(json, report.toPrettyString() + System.lineSeparator());
    }
    System.out.println(good ? "all hold on " + device : "NOT all hold on " + device);
    return good ? 0 : 1;
  }

  private boolean holds(String name, double tolerance, Case one) {
    double off = Double.NaN;
    String error = "";
    try {
      off = one.off();
    } catch (IOException | RuntimeException | LinkageError failed) {
      error = String.valueOf(failed.getMessage()).lines().findFirst().orElse("");
    }
    boolean holds = off <= tolerance;
    System.out.printf(
        "%-4s %-28s %s%n",
        holds ? "ok" : "OFF", name, error.isEmpty() ? "%.1e off".formatted(off) : error);
    report
        .addObject()
        .put("case", name)
        .put("holds", holds)
        .put("off", Double.isNaN(off) ? null : off)
        .put("tolerance", tolerance)
        .put("error", error);
    return holds;
  }

  private double compared(String model, String onProcessor, String onDevice) throws IOException {
    return off(train(model, onProcessor, "cpu"), train(model, onDevice, device));
  }

  private static double off(Outcome expected, Outcome found) {
    return Math.max(lossesOff(expected, found), valuesOff(expected, found));
  }

  private static double lossesOff(Outcome expected, Outcome found) {
    double most = 0;
    for (int i = 0; i < STEPS; i++) {
      double value = expected.losses().get(i);
      most = greater(most, Math.abs(found.losses().get(i) - value) / value);
    }
    return most;
  }

  /** Greatest difference of a parameter's values, by its greatest value. */
  private static double valuesOff(Outcome expected, Outcome found) {
    double most = 0;
    for (Map.Entry<String, float[]> entry : expected.values().entrySet()) {
      float[] other = found.values().get(entry.getKey());
      double greatest = 0;
      double difference = 0;
      for (int i = 0; i < other.length; i++) {
        greatest = Math.max(greatest, Math.abs(entry.getValue()[i]));
        difference = greater(difference, Math.abs(entry.getValue()[i] - other[i]));
      }
      most = greater(most, difference / Math.max(greatest, 1e-3));
    }
    return most;
  }

  /** What is no number counts as far off. */
  private static double greater(double most, double value) {
    return value <= most ? most : Double.isNaN(value) ? Double.POSITIVE_INFINITY : value;
  }

  private static String config(String optimizer, Dtype dtype, int stage, int accumulation) {
    String rate = optimizer.equals("Lion") ? "1e-4" : "1e-3";
    // What divides by the root of a sum would make a whole step of a gradient that is rounding.
    String epsilon =
        switch (optimizer) {
          case "Adam", "AdamW" -> ", \"eps\": 1e-6";
          case "Adagrad" -> ", \"initial_accumulator_value\": 0.1";
          default -> "";
        };
    return """
        {"train_batch_size": %d, "gradient_accumulation_steps": %d, "gradient_clipping": 0.5,
         "optimizer": {"type": "%s", "params": {"lr": %s%s}},
         "bf16": {"enabled": %b}, "fp16": {"enabled": %b, "initial_scale_power": 8},
         "zero_optimization": {"stage": %d, "stage3_param_persistence_threshold": 0}}
        """
        .formatted(
            SHAPE.batch(),
            accumulation,
            optimizer,
            rate,
            epsilon,
            dtype == Dtype.BF16,
            dtype == Dtype.FP16,
            stage);
  }

  private static Outcome train(String model, String config, String device) throws IOException {
    try (Communicator solo = Rendezvous.local(1, Duration.ofSeconds(60)).get(0)) {
      return train(model, config, device, solo, new FromSeed(SEED), whole -> {});
    }
  }

  /** The same with everything that ranks tell each other going through NCCL, to the one rank. */
  private Outcome overNccl(String model, String config) throws IOException {
    try (StoreServer store = StoreServer.open("127.0.0.1");
        Communicator group =
            Rendezvous.join(
                new Membership(
                    0,
                    1,
                    "127.0.0.1",
                    store.address(),
                    "device-check",
                    Duration.ofSeconds(60),
                    device),
                Transport.NCCL)) {
      return train(model, config, device, group, new FromSeed(SEED), whole -> {});
    }
  }

  /** Half of the steps, a checkpoint, and the other half by a training that goes on from it. */
  private Outcome resumed(String model, String config) throws IOException {
    Path folder = Files.createTempDirectory("kiln-device-check");
    CheckpointListener listener = new CheckpointListener() {};
    try (Communicator solo = Rendezvous.local(1, Duration.ofSeconds(60)).get(0);
        CheckpointStore store = new LocalCheckpointStore(folder)) {
      CheckpointFolder checkpoints = new CheckpointFolder(store);
      RunDescription run = new RunDescription(JSON.createObjectNode(), JSON.createObjectNode());
      CheckpointPolicy policy =
          new CheckpointPolicy(0, Optional.empty(), 1, 0, List.of(), 1, Duration.ofMinutes(1));
      List<Double> losses = new ArrayList<>();
      Outcome half =
          train(
              model,
              config,
              device,
              solo,
              new FromSeed(SEED),
              training -> {
                if (training.steps() == STEPS / 2) {
                  try (Checkpointing taking =
                      new Checkpointing(
                          checkpoints, policy, training, run, solo, listener, () -> false)) {
                    taking.take();
                  }
                }
              });
      losses.addAll(half.losses().subList(0, STEPS / 2));
      StartingPoint middle =
          new Resumption(
              checkpoints, OptionalLong.empty(), run, solo, new FromSeed(SEED), listener);
      Outcome rest = train(model, config, device, solo, middle, training -> {});
      losses.addAll(rest.losses());
      return new Outcome(losses, rest.values());
    } finally {
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }

  private static Outcome train(
      String model,
      String config,
      String device,
      Communicator communicator,
      StartingPoint start,
      Consumer<Training> afterStep)
      throws IOException {
    JsonNode description = JSON.readTree(model.equals("gpt2") ? SHAPE.huggingFaceConfig() : LLAMA);
    DeepSpeedConfig deepspeed = DeepSpeedConfig.parse(JSON.readTree(config), 1);
    try (PointerScope scope = new PointerScope();
        Model built = ModelFamilies.parse("model", description, DataSizes.unknown()).model();
        StepTokens tokens = new StepTokens(SHAPE, deepspeed.batch().accumulation(), 0, 1);
        Training training =
            new Training(new TrainingPlan(built, deepspeed, SEED, device), communicator, start)) {
      List<Double> losses = new ArrayList<>();
      while (training.steps() < STEPS) {
        losses.add(training.step(tokens).loss());
        afterStep.accept(training);
      }
      Map<String, float[]> values = new LinkedHashMap<>();
      training.exportParameters((spec, value) -> values.put(spec.name(), floats(value)));
      return new Outcome(losses, values);
    }
  }

  private static float[] floats(Tensor tensor) {
    try (PointerScope scope = new PointerScope()) {
      float[] values = new float[(int) tensor.numel()];
      Tensor here = tensor.detach().to(ScalarType.Float).cpu().contiguous();
      new FloatPointer(here.data_ptr()).get(values);
      return values;
    }
  }
}
