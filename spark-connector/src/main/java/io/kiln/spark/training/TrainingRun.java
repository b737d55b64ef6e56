package io.kiln.spark.training;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.datasource.DataSection;
import io.kiln.datasource.TrainingData;
import io.kiln.datasource.packing.DataPlan;
import io.kiln.engine.config.BatchSizes;
import io.kiln.engine.config.DeepSpeedConfig;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.family.DecoderDefinition;
import io.kiln.engine.model.family.ModelDefinition;
import io.kiln.engine.model.family.PerceptronDefinition;
import io.kiln.engine.train.Training;
import io.kiln.engine.train.TrainingPlan;
import io.kiln.engine.train.recovery.RecoveryMemory;
import io.kiln.spark.barrier.BarrierJob;
import io.kiln.spark.barrier.Listeners;
import io.kiln.spark.barrier.RestartBudget;
import io.kiln.spark.barrier.RunListener;
import io.kiln.spark.barrier.RunStart;
import io.kiln.spark.barrier.SlotsChangedException;
import io.kiln.spark.cluster.MemoryOverhead;
import io.kiln.spark.job.CheckpointSection;
import io.kiln.spark.job.TrainingSection;
import io.kiln.spark.output.MetricsFile;
import io.kiln.spark.output.ModelFile;
import io.kiln.spark.output.OutputDirectory;
import io.kiln.spark.output.OutputToken;
import io.kiln.spark.output.RankReport;
import io.kiln.spark.output.RunFolder;
import io.kiln.spark.output.RunRecord;
import io.kiln.spark.output.SharedOutput;
import io.kiln.spark.output.TrainingSummary;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.util.SerializableConfiguration;

/**
 * One run as the driver sees it.
 *
 * @param model what to train
 * @param deepspeed its configuration
 * @param training how long
 * @param ranks how many tasks, whose slots are there
 * @param mostRanks how many there may be, should the cluster grow
 * @param output folder that is made
 */
public record TrainingRun(
    ModelChoice model,
    JsonNode deepspeed,
    TrainingSection training,
    int ranks,
    int mostRanks,
    OutputDirectory output) {
  /** Name of the file that says what the model reads. */
  public static final String COLUMNS = RunFolder.MARK;

  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * Checks what can be checked before the data is read.
   *
   * @throws io.kiln.engine.config.ConfigException if the run cannot be
   */
  public void check() {
    model.check();
    model.check(parse(new AutoSizes(training.maxSteps().orElse(1), 0)).groups());
  }

  private DeepSpeedConfig parse(AutoSizes auto) {
    return DeepSpeedConfig.parse(deepspeed, ranks, auto.values());
  }

  /**
   * Reads, trains, and leaves the model in the output folder.
   *
   * @param read reads and encodes the data
   * @param listener hears how it goes
   */
  public TrainingSummary run(
      JavaSparkContext spark, Supplier<TrainingData> read, RunListener listener) {
    CheckpointSection checkpoints = training.checkpoints();
    output.requireFree(checkpoints.mayContinue());
    CheckpointPlan plan =
        CheckpointPlan.of(checkpoints, output.path(), spark.hadoopConfiguration())
            .look(spark.hadoopConfiguration(), remark -> listener.onRemark(0, remark));
    boolean holdsModel = output.has(TrainingSummary.NAME) || output.has(ModelFile.NAME);
    if (!plan.isBegun() && holdsModel) {
      // A run that ended well and left no checkpoint, or an exported model: not ours to go on with.
      throw RunFolder.exists(output.shown());
    }
    listener.onProgress(0, "reading the data", 0);
    try (TrainingData data = read.get()) {
      ModelDefinition definition = model.definition(data);
      return run(spark, data, definition, plan, listener);
    }
  }

  private TrainingSummary run(
      JavaSparkContext spark,
      TrainingData data,
      ModelDefinition definition,
      CheckpointPlan checkpoints,
      RunListener listener) {
    requireKnown(data, definition);
    DataPlan plan = plan(data, definition);
    long steps = training.steps(plan.lanes().samples(), plan.lanes().globalBatch());
    checkpoints.requireBefore(steps, spark.hadoopConfiguration());
    AutoSizes auto = new AutoSizes(steps, hidden(definition));
    DeepSpeedConfig config = parse(auto);
    RunStart start = start(data, definition, config, steps);
    requireMemory(spark, plan, start);
    // Not before: a run that its data refuses leaves no folder in the way of the next.
    output.claim(training.checkpoints().mayContinue());
    boolean fresh = !output.has(COLUMNS);
    if (fresh) {
      writeDescription(data, definition);
    }
    RunRecord record = new RunRecord(MetricsFile.earlier(output));
    try (MetricsFile metrics = new MetricsFile(output, config.wallClockBreakdown())) {
      Runnable describe =
          () -> {
            // What describes a model that is there stays until there is another one.
            if (!fresh && !output.has(ModelFile.NAME)) {
              writeDescription(data, definition);
            }
          };
      RunListener all = Listeners.of(record, metrics, new OnceAccepted(describe), listener);
      all.onStart(start);
      config.notes().forEach(note -> all.onRemark(0, note));
      model.check(config.groups()).forEach(note -> all.onRemark(0, note));
      SerializableConfiguration hadoop = new SerializableConfiguration(spark.hadoopConfiguration());
      Function<SharedOutput, TrainingRank> rank =
          seen ->
              new TrainingRank(
                  definition.toJson().toString(),
                  deepspeed.toString(),
                  auto,
                  plan,
                  training.seed(),
                  steps,
                  training.evalInterval().orElse(0),
                  training.evalSteps().orElse(Long.MAX_VALUE),
                  seen,
                  checkpoints,
                  training.recovery().redundancy() > 0,
                  same(plan).toString(),
                  told(data, definition, checkpoints).toString(),
                  hadoop);
      List<RankReport> reports =
          train(spark, data, definition, rank, checkpoints, all, metrics::failure);
      metrics.finish();
      TrainingSummary summary =
          TrainingSummary.of(
              config.zero().stage(),
              config.precision().dtype().label(),
              start.parameters(),
              record,
              reports);
      // Again where a run goes on: until now what is there was of the model that was there.
      writeDescription(data, definition);
      output.write(TrainingSummary.NAME, summary.toJson());
      return summary;
    }
  }

  private List<RankReport> train(
      JavaSparkContext spark,
      TrainingData data,
      ModelDefinition definition,
      Function<SharedOutput, TrainingRank> rank,
      CheckpointPlan checkpoints,
      RunListener listener,
      Supplier<Optional<RuntimeException>> recalled) {
    if (checkpoints.target().isEmpty()) {
      return train(spark, data, definition, rank, listener, recalled);
    }
    try (CheckpointClaim claim =
        CheckpointClaim.of(
            checkpoints.target().get(),
            spark.hadoopConfiguration(),
            remark -> listener.onRemark(0, remark))) {
      return train(spark, data, definition, rank, listener, () -> claim.lost().or(recalled));
    }
  }

  /** With as many ranks as the cluster has room for, where the batch may be shared otherwise. */
  private List<RankReport> train(
      JavaSparkContext spark,
      TrainingData data,
      ModelDefinition definition,
      Function<SharedOutput, TrainingRank> rank,
      RunListener listener,
      Supplier<Optional<RuntimeException>> recalled) {
    Elastic elastic = Elastic.of(deepspeed, ranks, mostRanks, training);
    RestartBudget budget = Elastic.budget(training.recovery());
    TrainingRun now = this;
    try (OutputToken token = OutputToken.leaveIn(output)) {
      TrainingRank body = rank.apply(token.seenByRanks());
      while (true) {
        DataPlan plan = now.plan(data, definition);
        try {
          return BarrierJob.run(
              spark,
              data.partitions(plan),
              body.with(plan),
              listener,
              elastic.policy(now.ranks, training).recalledBy(recalled),
              budget);
        } catch (SlotsChangedException changed) {
          int next = changed.ranks();
          listener.onRestart(0, changed.getMessage() + "; going on with " + next + " ranks");
          now = new TrainingRun(model, deepspeed, training, next, mostRanks, output);
        }
      }
    }
  }

  /** Which samples a step sees, and where they lie: the batch is known without the run's length. */
  private DataPlan plan(TrainingData data, ModelDefinition definition) {
    BatchSizes batch = parse(new AutoSizes(training.maxSteps().orElse(1), 0)).batch();
    return data.plan(
        model.sequenceLength(definition), batch.global(), batch.micro(), ranks, training.seed());
  }

  private static void requireMemory(JavaSparkContext spark, DataPlan plan, RunStart start) {
    long samples = IntStream.range(0, plan.ranks()).mapToLong(plan::storedBytes).max().orElse(0);
    long held = start.bytesPerRank().values().stream().mapToLong(Long::longValue).sum();
    long copies =
        Recovery.MEMORY.stream()
            .mapToLong(kind -> start.bytesPerRank().getOrDefault(kind, 0L))
            .sum();
    MemoryOverhead.require(
        spark.getConf(), held - copies, copies + Math.min(samples, TrainingRank.SAMPLES_IN_MEMORY));
  }

  private RunStart start(
      TrainingData data, ModelDefinition definition, DeepSpeedConfig config, long steps) {
    try (Model built = definition.model()) {
      TrainingPlan plan = new TrainingPlan(built, config, training.seed(), "cpu");
      Map<String, Long> bytes = new TreeMap<>(Training.plannedMemory(plan, ranks).bytes());
      bytes.putAll(copies(RecoveryMemory.of(plan, ranks)));
      return new RunStart(
          definition.modelType(),
          built.parameterCount(),
          ranks,
          config.zero().stage(),
          config.precision().dtype().label(),
          data.units(),
          config.batch().global(),
          steps,
          config.stepsPerPrint(),
          bytes);
    }
  }

  private Map<String, Long> copies(RecoveryMemory memory) {
    Map<String, Long> bytes = new TreeMap<>();
    if (training.checkpoints().taken()) {
      bytes.put(Recovery.CHECKPOINT, memory.checkpoint());
    }
    if (training.recovery().redundancy() > 0) {
      bytes.put(Recovery.REDUNDANCY, memory.redundancy());
    }
    return bytes;
  }

  /** What decides the samples of a step: a run that goes on has to have it as before. */
  private ObjectNode same(DataPlan plan) {
    ObjectNode json = JSON.createObjectNode();
    json.put("seed", training.seed());
    json.put("train_batch_size", plan.lanes().globalBatch());
    json.put("sample_length", plan.shape().length());
    json.put("training_units", plan.split().training());
    json.put("validation_units", plan.split().validation());
    json.put("shuffle", model.data().shuffle());
    return json;
  }

  /** What a checkpoint has to tell to become a model again. */
  private ObjectNode told(
      TrainingData data, ModelDefinition definition, CheckpointPlan checkpoints) {
    ObjectNode json = JSON.createObjectNode();
    checkpoints.tell(json);
    json.set("model", definition.toJson());
    json.set("deepspeed", deepspeed);
    ObjectNode columns = ModelColumns.of(model.data()).toJson();
    model.data().labelColumn().ifPresent(label -> columns.put("label_column", label));
    json.set("columns", columns);
    data.tokenizer()
        .ifPresent(
            tokenizer -> {
              ObjectNode files = json.putObject("tokenizer");
              tokenizer.files().forEach(files::put);
            });
    return json;
  }

  private static void requireKnown(TrainingData data, ModelDefinition definition) {
    if (definition instanceof DecoderDefinition decoder) {
      data.requireBelow(decoder.config().vocabulary());
    } else if (definition instanceof PerceptronDefinition mlp
        && mlp.problem() == PerceptronDefinition.Problem.CLASSIFICATION) {
      data.requireBelow(mlp.outputSize());
    }
  }

  private static int hidden(ModelDefinition definition) {
    return definition instanceof DecoderDefinition decoder
        ? Math.toIntExact(decoder.config().hidden())
        : 0;
  }

  private void writeDescription(TrainingData data, ModelDefinition definition) {
    output.write("config.json", definition.toJson());
    data.tokenizer().ifPresent(tokenizer -> tokenizer.files().forEach(output::write));
    DataSection section = model.data();
    output.write(COLUMNS, ModelColumns.of(section).toJson());
  }
}
