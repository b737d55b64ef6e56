package io.kiln.spark.checkpoint;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.datasource.tokenizer.ByteTokenizer;
import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.LocalCheckpointStore;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.comm.Rendezvous;
import io.kiln.engine.config.DeepSpeedConfig;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.ModelDefinition;
import io.kiln.engine.model.family.ModelFamilies;
import io.kiln.engine.tensor.NativeOwner;
import io.kiln.engine.train.BatchSource;
import io.kiln.engine.train.MicroBatch;
import io.kiln.engine.train.Training;
import io.kiln.engine.train.TrainingPlan;
import io.kiln.engine.train.recovery.CheckpointListener;
import io.kiln.engine.train.recovery.CheckpointPolicy;
import io.kiln.engine.train.recovery.Checkpointing;
import io.kiln.engine.train.recovery.RunDescription;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/**
 * A training of a language model on random tokens, ranks as threads, that leaves checkpoints of the
 * steps 2 and 4.
 *
 * @param model its config.json
 * @param ranks their number
 * @param stage of ZeRO
 * @param precision {@code fp32}, {@code bf16} or {@code fp16}
 */
public record CheckpointedRun(String model, int ranks, int stage, String precision) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int BATCH = 6;
  private static final int TIME = 8;
  private static final long STEPS = 4;

  /** Tied, and with products that Hugging Face's files hold transposed. */
  public static final String GPT2 =
      """
      {"model_type": "gpt2", "n_layer": 2, "n_head": 2, "n_embd": 32, "n_positions": 16,
       "vocab_size": 256, "resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0}
      """;

  public static final String LLAMA =
      """
      {"model_type": "llama", "num_hidden_layers": 2, "num_attention_heads": 4,
       "num_key_value_heads": 2, "hidden_size": 32, "intermediate_size": 48,
       "max_position_embeddings": 16, "vocab_size": 256}
      """;

  public ModelDefinition definition() throws Exception {
    return ModelFamilies.parse("model", JSON.readTree(model), DataSizes.unknown());
  }

  /** Trains; the parameters after the last step, as the computation has them. */
  public Map<String, float[]> into(Path folder) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(ranks);
    try {
      List<Future<Map<String, float[]>>> results = new ArrayList<>();
      for (Communicator communicator : Rendezvous.local(ranks, Duration.ofSeconds(30))) {
        results.add(
            threads.submit(
                () -> {
                  try (communicator) {
                    return rank(communicator, folder);
                  }
                }));
      }
      for (Future<Map<String, float[]>> result : results) {
        result.get(100, TimeUnit.SECONDS);
      }
      return results.get(0).get();
    } finally {
      threads.shutdownNow();
    }
  }

  private ObjectNode deepspeed() throws Exception {
    ObjectNode config =
        (ObjectNode)
            JSON.readTree(
                """
                {"train_batch_size": 6,
                 "optimizer": {"type": "AdamW", "params": {"lr": 0.003, "weight_decay": 0.1}},
                 "zero_optimization": {"stage": %d, "stage3_param_persistence_threshold": 0}}
                """
                    .formatted(stage));
    if (!precision.equals("fp32")) {
      config.putObject(precision).put("enabled", true);
    }
    return config;
  }

  private Map<String, float[]> rank(Communicator communicator, Path folder) throws Exception {
    ObjectNode told = JSON.createObjectNode();
    told.set("model", definition().toJson());
    told.set("deepspeed", deepspeed());
    ObjectNode tokenizer = told.putObject("tokenizer");
    new ByteTokenizer().files().forEach(tokenizer::put);
    told.putObject("columns").put("text_column", "words").putArray("feature_columns");
    ObjectNode same = JSON.createObjectNode().put("seed", 1).put("train_batch_size", BATCH);
    try (Model built = definition().model();
        Training training =
            new Training(
                new TrainingPlan(
                    built, DeepSpeedConfig.parse(deepspeed(), communicator.size()), 1, "cpu"),
                communicator);
        Checkpointing checkpointing =
            new Checkpointing(
                new CheckpointFolder(new LocalCheckpointStore(folder)),
                new CheckpointPolicy(
                    2, Optional.empty(), 9, 0, List.of(), 1, Duration.ofSeconds(60)),
                training,
                new RunDescription(same, told),
                communicator,
                new CheckpointListener() {},
                () -> false);
        BatchSource tokens = new Tokens(communicator.rank(), BATCH / communicator.size())) {
      while (training.steps() < STEPS) {
        training.step(tokens);
        checkpointing.stepped();
      }
      checkpointing.take();
      Map<String, float[]> parameters = new LinkedHashMap<>();
      training.exportParameters((spec, value) -> parameters.put(spec.name(), floats(value)));
      return parameters;
    }
  }

  /** The values, row by row. */
  public static float[] floats(Tensor value) {
    try (PointerScope scope = new PointerScope()) {
      float[] all = new float[(int) value.numel()];
      new FloatPointer(value.contiguous().data_ptr()).get(all);
      return all;
    }
  }

  /** A rank's rows of random tokens. */
  private static final class Tokens implements BatchSource {
    private final int rank;
    private final int rows;
    private final NativeOwner owner = new NativeOwner();

    Tokens(int rank, int rows) {
      this.rank = rank;
      this.rows = rows;
    }

    @Override
    public List<MicroBatch> next(long step) {
      owner.close();
      Random random = new Random(31 * step + rank);
      return List.of(
          new MicroBatch(tokens(random), tokens(random), (long) rows * TIME, (long) rank * rows));
    }

    private Tensor tokens(Random random) {
      long[] values = random.longs((long) rows * TIME, 0, 256).toArray();
      try (PointerScope scope = new PointerScope()) {
        return owner.own(Tensor.create(values, rows, TIME));
      }
    }

    @Override
    public long globalValidTargets(long step) {
      return (long) BATCH * TIME;
    }

    @Override
    public void close() {
      owner.close();
    }
  }
}
