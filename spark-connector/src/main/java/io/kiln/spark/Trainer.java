package io.kiln.spark;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.datasource.DataSection;
import io.kiln.datasource.TrainingData;
import io.kiln.engine.config.ConfigException;
import io.kiln.engine.config.DeepSpeedConfig;
import io.kiln.engine.config.ElasticityConfig;
import io.kiln.spark.barrier.Listeners;
import io.kiln.spark.barrier.LoggedRemarks;
import io.kiln.spark.barrier.RunListener;
import io.kiln.spark.cluster.SessionCheck;
import io.kiln.spark.cluster.Slots;
import io.kiln.spark.cluster.SparkMaster;
import io.kiln.spark.job.CheckpointSection;
import io.kiln.spark.job.Job;
import io.kiln.spark.job.RecoverySection;
import io.kiln.spark.job.SparkSection;
import io.kiln.spark.job.TrainingSection;
import io.kiln.spark.output.OutputDirectory;
import io.kiln.spark.training.ModelChoice;
import io.kiln.spark.training.TrainingRun;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.Supplier;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Trains a model on a DataFrame, on the executors of the session that the DataFrame belongs to.
 *
 * <pre>{@code
 * TrainedModel model =
 *     Trainer.builder()
 *         .model("{\"model_type\": \"gpt2\", \"n_layer\": 4, \"n_head\": 4, \"n_embd\": 128}")
 *         .deepspeed("{\"train_batch_size\": 12, \"zero_optimization\": {\"stage\": 2}}")
 *         .textColumn("text")
 *         .sequenceLength(64)
 *         .maxSteps(2000)
 *         .build()
 *         .fit(dataframe);
 * }</pre>
 *
 * <p>Input that cannot be used is refused with a {@link ConfigException} or {@link
 * io.kiln.datasource.DataException} of one line; a rank that fails, with a {@link
 * io.kiln.spark.barrier.RankFailedException} that says which and why.
 */
public final class Trainer {
  private final ModelChoice model;
  private final JsonNode deepspeed;
  private final TrainingSection training;
  private final OptionalInt ranks;
  private final Optional<String> outputDirectory;
  private final RunListener listener;

  private Trainer(Builder builder) {
    this.model = new ModelChoice(required(builder.model, "model"), builder.data());
    this.deepspeed = required(builder.deepspeed, "deepspeed");
    this.training = builder.training();
    this.ranks = builder.ranks;
    this.outputDirectory = builder.outputDirectory;
    this.listener = builder.listener;
  }

  private static <T> T required(T value, String name) {
    if (value == null) {
      throw new ConfigException("", "a trainer needs " + name + ": call " + name + "(…)");
    }
    return value;
  }

  /**
   * Of nothing yet: {@code model}, {@code deepspeed} and {@code maxSteps} or {@code epochs} are
   * needed.
   */
  public static Builder builder() {
    return new Builder();
  }

  /** Of a job file. */
  public static Builder builder(Job job) {
    Builder builder = new Builder();
    builder.model = job.model();
    builder.deepspeed = job.deepspeed();
    builder.section = job.data();
    builder.fixed = job.training();
    builder.ranks = job.spark().ranks();
    builder.outputDirectory = Optional.of(job.outputDir());
    return builder;
  }

  /**
   * Trains on a DataFrame's column of text, or of features and labels, in the order of its rows.
   */
  public TrainedModel fit(Dataset<Row> frame) {
    DataSection section = model.data();
    return fit(
        frame.sparkSession(),
        () ->
            section.hasFeatures()
                ? TrainingData.ofFeatures(frame, section, model.label())
                : TrainingData.ofText(frame, section));
  }

  /** Trains on what the data section of a job names. */
  public TrainedModel fitSource(SparkSession session) {
    DataSection section = model.data();
    return fit(
        session,
        () ->
            section.hasFeatures()
                ? TrainingData.readFeatures(session, section, model.label())
                : TrainingData.readText(session, section));
  }

  private TrainedModel fit(SparkSession session, Supplier<TrainingData> read) {
    JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.sparkContext());
    SessionCheck.refuse(session.sparkContext().getConf());
    SparkSection place =
        new SparkSection(
            SparkMaster.parse(spark.master()),
            Map.of("spark.task.cpus", spark.getConf().get("spark.task.cpus", "1")),
            ranks);
    Optional<ElasticityConfig> elasticity = DeepSpeedConfig.elasticity(deepspeed);
    int slots =
        place.slotsWithoutAsking().orElseGet(() -> Slots.await(session.sparkContext(), ranks));
    int size = place.ranksOn(slots, elasticity);
    OutputDirectory output =
        outputDirectory
            .map(path -> OutputDirectory.of(path, spark.hadoopConfiguration()))
            .orElseGet(() -> OutputDirectory.temporary(spark.hadoopConfiguration()));
    TrainingRun run =
        new TrainingRun(model, deepspeed, training, size, ranks.orElse(Integer.MAX_VALUE), output);
    run.check();
    RunListener told = Listeners.of(listener);
    if (ranks.isEmpty() && size < slots) {
      told.onRemark(0, "elasticity: %d of %d slots train".formatted(size, slots));
    }
    // Executors of this machine's own clusters come one by one; a barrier stage needs them all.
    Slots.await(session.sparkContext(), OptionalInt.of(size));
    run.run(spark, read, told);
    return TrainedModel.load(session, output.path());
  }

  /** Collects what a {@link Trainer} needs. */
  public static final class Builder {
    private static final ObjectMapper JSON = new ObjectMapper();

    private JsonNode model;
    private JsonNode deepspeed;
    private DataSection section;
    private TrainingSection fixed;
    private Optional<String> textColumn = Optional.empty();
    private List<String> featureColumns = List.of();
    private Optional<String> labelColumn = Optional.empty();
    private Optional<String> tokenizer = Optional.empty();
    private OptionalInt sequenceLength = OptionalInt.empty();
    private double validationFraction = 0.1;
    private boolean shuffle = true;
    private OptionalLong maxSteps = OptionalLong.empty();
    private OptionalDouble epochs = OptionalDouble.empty();
    private long seed;
    private OptionalLong evalInterval = OptionalLong.empty();
    private OptionalLong evalSteps = OptionalLong.empty();
    private Optional<String> checkpointDirectory = Optional.empty();
    private OptionalLong checkpointInterval = OptionalLong.empty();
    private OptionalDouble checkpointMinutes = OptionalDouble.empty();
    private String resume = CheckpointSection.AUTO;
    private RecoverySection recovery = RecoverySection.DEFAULT;
    private OptionalInt ranks = OptionalInt.empty();
    private Optional<String> outputDirectory = Optional.empty();
    private RunListener listener = new LoggedRemarks();

    private Builder() {}

    private static JsonNode parse(String where, String json) {
      try {
        return JSON.readTree(json);
      } catch (JsonProcessingException malformed) {
        throw new ConfigException(where, "is no JSON: " + malformed.getOriginalMessage());
      }
    }

    /** Hugging Face's config.json of a gpt2 or llama, or an mlp's description, as JSON. */
    public Builder model(String json) {
      return model(parse("model", json));
    }

    /** The same, parsed. */
    public Builder model(JsonNode json) {
      this.model = json;
      return this;
    }

    /** A DeepSpeed configuration, as JSON; comments and trailing commas are taken. */
    public Builder deepspeed(String json) {
      return deepspeed(DeepSpeedConfig.read("deepspeed", json));
    }

    /** The same, parsed. */
    public Builder deepspeed(JsonNode json) {
      this.deepspeed = json;
      return this;
    }

    /** Column that a language model learns from. Default {@code text}, or else {@code value}. */
    public Builder textColumn(String column) {
      this.textColumn = Optional.of(column);
      return this;
    }

    /** Columns that go into an mlp: numbers, arrays of numbers or vectors. */
    public Builder featureColumns(String... columns) {
      this.featureColumns = List.of(columns);
      return this;
    }

    /** Column that an mlp predicts. */
    public Builder labelColumn(String column) {
      this.labelColumn = Optional.of(column);
      return this;
    }

    /** {@code bytes} (the default), {@code chars}, or the folder of a tokenizer.json. */
    public Builder tokenizer(String name) {
      this.tokenizer = Optional.of(name);
      return this;
    }

    /** Tokens that go in at once. Default: as many as the model has positions. */
    public Builder sequenceLength(int tokens) {
      this.sequenceLength = OptionalInt.of(tokens);
      return this;
    }

    /** Share of the corpus, its last part, that is held back. Default 0.1. */
    public Builder validationFraction(double fraction) {
      this.validationFraction = fraction;
      return this;
    }

    /** Whether samples are shuffled, by the seed. Default true. */
    public Builder shuffle(boolean wanted) {
      this.shuffle = wanted;
      return this;
    }

    /** Steps to take. */
    public Builder maxSteps(long steps) {
      this.maxSteps = OptionalLong.of(steps);
      return this;
    }

    /** Passes over the training split, instead of steps. */
    public Builder epochs(double passes) {
      this.epochs = OptionalDouble.of(passes);
      return this;
    }

    /** Of first values, order of samples and dropout. Default 0. */
    public Builder seed(long value) {
      this.seed = value;
      return this;
    }

    /** Steps between two evaluations. Default: one at the end. */
    public Builder evalInterval(long steps) {
      this.evalInterval = OptionalLong.of(steps);
      return this;
    }

    /** Global batches in one evaluation. Default: the whole validation split. */
    public Builder evalSteps(long globalBatches) {
      this.evalSteps = OptionalLong.of(globalBatches);
      return this;
    }

    /**
     * Folder for checkpoints, on a file system that all executors reach. Default, where an interval
     * is given: {@code checkpoints} in the output directory.
     */
    public Builder checkpointDirectory(String path) {
      this.checkpointDirectory = Optional.of(path);
      return this;
    }

    /** Steps between two checkpoints. Default: none are taken. */
    public Builder checkpointInterval(long steps) {
      this.checkpointInterval = OptionalLong.of(steps);
      return this;
    }

    /** Minutes between two checkpoints. */
    public Builder checkpointMinutes(double minutes) {
      this.checkpointMinutes = OptionalDouble.of(minutes);
      return this;
    }

    /**
     * Where to begin: {@code auto} (the default) from the newest checkpoint in the checkpoint
     * directory if there is one, {@code never}, or the path of a checkpoint or a folder of them.
     */
    public Builder resume(String from) {
      this.resume = from;
      return this;
    }

    /** Seconds that a rank may be silent or stand still before it is replaced. Default 60. */
    public Builder stallTimeout(long seconds) {
      this.recovery =
          new RecoverySection(
              seconds, recovery.maxRestarts(), recovery.restartWindow(), recovery.redundancy());
      return this;
    }

    /** New starts of all ranks within so many seconds; one more ends the run. Default 10, 3600. */
    public Builder maxRestarts(long starts, long windowSeconds) {
      this.recovery =
          new RecoverySection(
              recovery.stallTimeout(), starts, windowSeconds, recovery.redundancy());
      return this;
    }

    /**
     * 1 if each rank keeps its neighbour's shard of the last two steps in memory, so that the death
     * of one executor costs the step in flight at most. Default 0.
     */
    public Builder redundancy(int copies) {
      this.recovery =
          new RecoverySection(
              recovery.stallTimeout(), recovery.maxRestarts(), recovery.restartWindow(), copies);
      return this;
    }

    /**
     * Tasks that train together. Default: one on each slot of the cluster; with DeepSpeed's
     * elasticity, the largest valid number of them.
     */
    public Builder ranks(int count) {
      this.ranks = OptionalInt.of(count);
      return this;
    }

    /**
     * Folder for the model, not there yet (or begun by a run with checkpoints that this one goes on
     * with), on a file system that all executors reach. Default: one of this machine's that goes
     * with this JVM; executors on other machines do not reach that one, and the training is refused
     * there before its first step.
     */
    public Builder outputDirectory(String path) {
      this.outputDirectory = Optional.of(path);
      return this;
    }

    /** Hears at the driver how the run goes. Default: remarks and restarts go to the log. */
    public Builder listener(RunListener hears) {
      this.listener = hears;
      return this;
    }

    /**
     * Checks what was given.
     *
     * @throws ConfigException if something is missing or contradicts something else
     */
    public Trainer build() {
      return new Trainer(this);
    }

    private DataSection data() {
      return section != null ? section : described();
    }

    private DataSection described() {
      if (!featureColumns.isEmpty()) {
        refuseBesideFeatures("textColumn", textColumn.isPresent());
        refuseBesideFeatures("tokenizer", tokenizer.isPresent());
        refuseBesideFeatures("sequenceLength", sequenceLength.isPresent());
      }
      return new DataSection(
          new ArrayList<>(),
          "dataframe",
          Map.of(),
          textColumn,
          featureColumns,
          labelColumn,
          tokenizer.orElse("bytes"),
          sequenceLength,
          validationFraction,
          shuffle);
    }

    private static void refuseBesideFeatures(String name, boolean given) {
      if (given) {
        throw new ConfigException(
            "", name + "(…) is for text and cannot go with featureColumns(…): leave it out");
      }
    }

    private CheckpointSection checkpoints() {
      return new CheckpointSection(
          checkpointDirectory,
          checkpointInterval,
          checkpointMinutes,
          resume,
          CheckpointSection.NONE.keepLast(),
          CheckpointSection.NONE.keepEvery(),
          CheckpointSection.NONE.failures());
    }

    private TrainingSection training() {
      return fixed != null
          ? fixed
          : new TrainingSection(
              maxSteps, epochs, seed, evalInterval, evalSteps, checkpoints(), recovery);
    }
  }
}
