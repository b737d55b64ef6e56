package io.kiln.engine.train.recovery;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.LocalRanks;
import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.config.DeepSpeedConfig;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.ModelFamilies;
import io.kiln.engine.train.FromSeed;
import io.kiln.engine.train.RandomTokens;
import io.kiln.engine.train.StartingPoint;
import io.kiln.engine.train.StepReport;
import io.kiln.engine.train.Training;
import io.kiln.engine.train.TrainingPlan;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.LongSupplier;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.pytorch.Tensor;

/** A small training that takes checkpoints and goes on from them; ranks are threads. */
final class RecoveryRun {
  static final ObjectMapper JSON = new ObjectMapper();
  private static final int BATCH = 16;
  static final String MODEL =
      """
      {"model_type": "gpt2", "n_layer": 2, "n_head": 2, "n_embd": 32, "n_positions": 16,
       "vocab_size": 31, "resid_pdrop": 0.1, "embd_pdrop": 0.1, "attn_pdrop": 0}
      """;
  private static final int TIME = 16;
  private static final int VOCABULARY = 31;

  CheckpointStore store;
  CheckpointPolicy policy = policy(3, 2, 3, Duration.ofSeconds(60));
  int ranks = 2;
  String model = MODEL;
  ObjectNode config = config(2, 1);
  boolean takesLast = true;

  /** What the process of every rank keeps, where anything is kept. */
  Optional<List<KeptShards>> kept = Optional.empty();

  /** What rank 0's clock goes on by in a step; 0 for the real clock on every rank. */
  int minutesAStep;

  long attempt = 1;
  long seed = 42;
  long steps = 6;
  OptionalLong only = OptionalLong.empty();

  static CheckpointPolicy policy(long interval, int keepLast, int failures, Duration patience) {
    List<Duration> soon = List.of(Duration.ofMillis(10), Duration.ofMillis(50));
    return new CheckpointPolicy(interval, Optional.empty(), keepLast, 0, soon, failures, patience);
  }

  RecoveryRun(CheckpointStore store) {
    this.store = store;
  }

  /** A rank's view of a run. */
  record Outcome(
      long begun,
      List<StepReport> steps,
      List<CheckpointReport> checkpoints,
      List<String> remarks,
      Map<String, float[]> parameters) {
    List<Double> losses() {
      return steps.stream().map(StepReport::loss).toList();
    }
  }

  static ObjectNode config(int stage, int accumulation) {
    try {
      return (ObjectNode)
          JSON.readTree(
              """
              {"train_batch_size": %d, "gradient_accumulation_steps": %d, "gradient_clipping": 1.0,
               "optimizer": {"type": "AdamW", "params": {"lr": 0.003, "weight_decay": 0.1}},
               "scheduler": {"type": "WarmupDecayLR", "params": {"total_num_steps": 40,
                 "warmup_num_steps": 4, "warmup_max_lr": 0.003}},
               "zero_optimization": {"stage": %d, "stage3_param_persistence_threshold": 0}}
              """
                  .formatted(BATCH, accumulation, stage));
    } catch (java.io.IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Runs on all ranks; their outcomes. */
  List<Outcome> run() {
    return LocalRanks.run(ranks, this::rank);
  }

  private Outcome rank(Communicator communicator) throws Exception {
    DeepSpeedConfig parsed = DeepSpeedConfig.parse(config, communicator.size());
    List<String> remarks = new ArrayList<>();
    List<CheckpointReport> checkpoints = new ArrayList<>();
    CheckpointListener listener =
        new CheckpointListener() {
          @Override
          public void onCheckpoint(CheckpointReport report) {
            checkpoints.add(report);
          }

          @Override
          public void onRemark(String line) {
            remarks.add(line);
          }
        };
    RunDescription description =
        new RunDescription(
            JSON.createObjectNode()
                .put("seed", seed)
                .put("train_batch_size", parsed.batch().global()),
            JSON.createObjectNode().set("model", JSON.readTree(model)));
    CheckpointFolder folder = new CheckpointFolder(store);
    StartingPoint durable =
        new Resumption(
            folder,
            only,
            description,
            communicator,
            new FromSeed(seed),
            listener,
            policy.retryAfter());
    Optional<KeptShards> memory = kept.map(all -> all.get(communicator.rank()));
    StartingPoint start =
        memory
            .<StartingPoint>map(here -> new FromPeers(here, communicator, durable, listener))
            .orElse(durable);
    try (Model built =
            ModelFamilies.parse("model", JSON.readTree(model), DataSizes.unknown()).model();
        Training training =
            new Training(new TrainingPlan(built, parsed, seed, "cpu"), communicator, start);
        Checkpointing checkpointing =
            new Checkpointing(
                folder,
                policy,
                training,
                description,
                communicator,
                listener,
                () -> false,
                minutesAStep == 0 ? System::nanoTime : clock(training, communicator));
        RandomTokens source =
            new RandomTokens(
                communicator, parsed.batch().global(), parsed.batch().micro(), TIME, VOCABULARY)) {
      long begun = training.steps();
      Optional<Redundancy> redundancy =
          memory.map(
              here ->
                  new Redundancy(here, attempt, process(here), training, communicator, listener));
      List<StepReport> reports = new ArrayList<>();
      while (training.steps() < steps) {
        reports.add(training.step(source));
        checkpointing.stepped();
        redundancy.ifPresent(Redundancy::stepped);
      }
      if (takesLast) {
        checkpointing.take();
      } else {
        checkpointing.land();
      }
      Map<String, float[]> parameters = new LinkedHashMap<>();
      training.exportParameters((spec, value) -> parameters.put(spec.name(), floats(value)));
      return new Outcome(begun, reports, checkpoints, remarks, parameters);
    }
  }

  /** Ranks that share what is kept are ranks of one process. */
  private String process(KeptShards here) {
    return "process " + kept.orElseThrow().indexOf(here);
  }

  private LongSupplier clock(Training training, Communicator communicator) {
    return () ->
        communicator.rank() == 0
            ? Duration.ofMinutes(minutesAStep * training.steps()).toNanos()
            : 0;
  }

  private static float[] floats(Tensor value) {
    float[] all = new float[(int) value.numel()];
    new FloatPointer(value.contiguous().data_ptr_float()).get(all);
    return all;
  }
}
