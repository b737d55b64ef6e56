package io.kiln.spark.training;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.datasource.packing.DataPlan;
import io.kiln.datasource.rank.RankSamples;
import io.kiln.datasource.rank.SampleStorage;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.config.DeepSpeedConfig;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.ModelDefinition;
import io.kiln.engine.model.family.ModelFamilies;
import io.kiln.engine.tensor.ComputeDevice;
import io.kiln.engine.train.BatchSource;
import io.kiln.engine.train.EvaluationReport;
import io.kiln.engine.train.EvaluationSource;
import io.kiln.engine.train.FromSeed;
import io.kiln.engine.train.MemoryReport;
import io.kiln.engine.train.StepReport;
import io.kiln.engine.train.Training;
import io.kiln.engine.train.TrainingLength;
import io.kiln.engine.train.TrainingListener;
import io.kiln.engine.train.TrainingLoop;
import io.kiln.engine.train.TrainingPlan;
import io.kiln.engine.train.recovery.RunDescription;
import io.kiln.spark.barrier.RankBody;
import io.kiln.spark.barrier.RankContext;
import io.kiln.spark.cluster.Processor;
import io.kiln.spark.cluster.RankEnvironment;
import io.kiln.spark.cluster.SparkSettings;
import io.kiln.spark.output.ModelFile;
import io.kiln.spark.output.OutputDirectory;
import io.kiln.spark.output.RankReport;
import io.kiln.spark.output.SharedOutput;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Iterator;
import java.util.Optional;
import org.apache.spark.SparkEnv;
import org.apache.spark.util.SerializableConfiguration;
import org.apache.spark.util.Utils;
import org.bytedeco.pytorch.global.torch;

/**
 * What every rank of a training run does: takes its samples in, finds its peers, trains, and hands
 * over its part of the model.
 *
 * @param model complete configuration, as JSON
 * @param deepspeed configuration, as JSON
 * @param totalSteps of the run, as schedules with {@code "auto"} need it
 * @param data which samples a step sees
 * @param seed of the run
 * @param steps to take
 * @param evaluationInterval steps between evaluations; 0 for one at the end
 * @param evaluationSteps global batches in one evaluation; {@code Long.MAX_VALUE} for the whole
 *     split
 * @param output folder for the model, as rank 0 must see it
 * @param checkpoints where they go and where the run begins
 * @param redundant whether each rank keeps its neighbour's shard in memory
 * @param same what a run that goes on has to have as before, as JSON
 * @param told what a checkpoint tells of the run, as JSON
 * @param hadoop configuration of the file systems
 */
record TrainingRank(
    String model,
    String deepspeed,
    AutoSizes auto,
    DataPlan data,
    long seed,
    long steps,
    long evaluationInterval,
    long evaluationSteps,
    SharedOutput output,
    CheckpointPlan checkpoints,
    boolean redundant,
    String same,
    String told,
    SerializableConfiguration hadoop)
    implements RankBody<byte[], RankReport> {
  private static final ObjectMapper JSON = new ObjectMapper();

  static final String TRAINING = "training";

  /** Steps of micro-batches that are made ready while one runs. */
  private static final int AHEAD = 2;

  /** Samples that a rank keeps in memory: more go to a file in Spark's local directory. */
  static final long SAMPLES_IN_MEMORY = 1L << 30;

  /** The same with the samples laid out for another number of ranks. */
  TrainingRank with(DataPlan plan) {
    return new TrainingRank(
        model,
        deepspeed,
        auto,
        plan,
        seed,
        steps,
        evaluationInterval,
        evaluationSteps,
        output,
        checkpoints,
        redundant,
        same,
        told,
        hadoop);
  }

  @Override
  public RankReport run(RankContext context, Iterator<byte[]> partition)
      throws IOException, InterruptedException {
    if (context.rank() == 0) {
      context.at("looking for the output directory", 0);
      output.require(RankContext.host(), hadoop.value());
    }
    torch.set_num_threads(context.threads());
    RankEnvironment.obstacles(System.getenv(), context.threads()).forEach(context::remark);
    context.at("reading samples", 0);
    SampleStorage storage = new SampleStorage(SAMPLES_IN_MEMORY, localDirectory());
    try (RankSamples samples = RankSamples.load(data, context.rank(), partition, storage);
        Meeting meeting = Meeting.of(context, timeout())) {
      return train(context, samples, meeting.communicator());
    }
  }

  private RankReport train(RankContext context, RankSamples samples, Communicator communicator)
      throws IOException {
    context.at("initializing", 0);
    ModelDefinition definition = ModelFamilies.parse("model", json(model), DataSizes.unknown());
    DeepSpeedConfig config = DeepSpeedConfig.parse(json(deepspeed), context.size(), auto.values());
    ComputeDevice device = context.device();
    if (!device.isGpu()) {
      RankEnvironment.slowDtype(config.precision().dtype(), Processor.ofThisMachine())
          .ifPresent(context::remark);
    }
    RunDescription description =
        new RunDescription((ObjectNode) json(same), (ObjectNode) json(told));
    try (Model built = definition.model();
        Recovery recovery =
            new Recovery(
                checkpoints,
                output.path(),
                redundant,
                description,
                communicator,
                context,
                hadoop.value());
        Training training =
            new Training(
                new TrainingPlan(built, config, seed, device.name()),
                communicator,
                recovery.beginning(new FromSeed(seed)));
        BatchSource batches = samples.batches(training.steps() + 1, AHEAD);
        Evaluation evaluation = new Evaluation(samples.evaluation())) {
      recovery.keep(training);
      context.progressOf(training::progress);
      context.at(TRAINING, training.steps());
      TrainingLoop.run(
          training,
          new TrainingLength(steps, evaluationInterval, evaluationMicroBatches(config)),
          batches,
          evaluation.source(),
          new Teller(context, recovery));
      context.at("saving", steps);
      recovery.finish();
      context.at("saving", steps); // It has been where the last checkpoint was written.
      save(context, training, definition, built);
      MemoryReport held = training.memory().with("ring", communicator.ringBytes());
      RankReport report = RankReport.of(context.rank(), RankContext.host(), recovery.memory(held));
      recovery.forget();
      return report;
    }
  }

  /** A step's worth of samples is as many on any number of ranks; its micro-batches are not. */
  private long evaluationMicroBatches(DeepSpeedConfig config) {
    long accumulation = config.batch().accumulation();
    return evaluationSteps > Long.MAX_VALUE / accumulation
        ? Long.MAX_VALUE
        : evaluationSteps * accumulation;
  }

  private void save(RankContext context, Training training, ModelDefinition definition, Model built)
      throws IOException {
    if (context.rank() != 0) {
      training.exportParameters((spec, value) -> {});
      return;
    }
    OutputDirectory folder = OutputDirectory.of(output.path(), hadoop.value());
    try (ModelFile file = ModelFile.create(folder, built, definition.layout())) {
      training.exportParameters(file);
      file.finish();
    }
  }

  private static JsonNode json(String text) throws IOException {
    return JSON.readTree(text);
  }

  /** How long a rank waits for the others. */
  static Duration timeout() {
    return SparkSettings.collectiveTimeout(SparkEnv.get().conf());
  }

  private static Path localDirectory() {
    return Path.of(Utils.getLocalDir(SparkEnv.get().conf()));
  }

  /** The validation split's source, if there is one, closed with the training. */
  private record Evaluation(Optional<EvaluationSource> source) implements AutoCloseable {
    @Override
    public void close() {
      source.ifPresent(EvaluationSource::close);
    }
  }

  /** Tells the driver, and ends the rank where Spark asks for it. */
  private record Teller(RankContext context, Recovery recovery) implements TrainingListener {
    @Override
    public void onStep(StepReport report) {
      context.at(TRAINING, report.step());
      if (context.rank() == 0) {
        context.stepped(report);
      }
      recovery.stepped();
      context.endIfAsked();
    }

    @Override
    public void onEvaluation(EvaluationReport report) {
      if (context.rank() == 0) {
        context.evaluated(report);
      }
      context.endIfAsked();
    }
  }
}
