package io.kiln.engine.train;

import io.kiln.engine.checkpoint.Piece;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.config.DeepSpeedConfig;
import io.kiln.engine.config.ZeroConfig;
import io.kiln.engine.optim.GradientClipping;
import io.kiln.engine.optim.LossScaler;
import io.kiln.engine.optim.Optimizer;
import io.kiln.engine.optim.ParameterGroups;
import io.kiln.engine.optim.RateSchedule;
import io.kiln.engine.tensor.ComputeDevice;
import io.kiln.engine.tensor.NativeOwner;
import io.kiln.engine.zero.GroupAssignment;
import io.kiln.engine.zero.MemoryKind;
import io.kiln.engine.zero.ShardedParameters;
import io.kiln.engine.zero.ZeroMemory;
import io.kiln.engine.zero.ZeroOptions;
import io.kiln.engine.zero.ZeroStage;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;

/**
 * One rank of a training run: the model's shards and the step. Everything native is freed by {@link
 * #close}; the communicator is the caller's. All ranks make the same calls in the same order, each
 * from one thread.
 */
public final class Training implements AutoCloseable {
  private final NativeOwner owner = new NativeOwner();
  private final TrainingPlan plan;
  private final Communicator communicator;
  private final ShardedParameters parameters;
  private final BlockWalker walker;
  private final TrainStep step;
  private long steps;

  /** Allocates this rank's shards and fills them with the seed's first values. */
  public Training(TrainingPlan plan, Communicator communicator) {
    this(plan, communicator, new FromSeed(plan.seed()));
  }

  /** Allocates this rank's shards and fills them with what the starting point says. */
  public Training(TrainingPlan plan, Communicator communicator, StartingPoint start) {
    this.plan = plan;
    this.communicator = communicator;
    DeepSpeedConfig config = plan.deepspeed();
    ParameterGroups groups = new ParameterGroups(config.groups(), plan.model().blocks().size());
    GroupAssignment assignment = (block, spec) -> groups.groupOf(block, spec.name());
    try (PointerScope scope = new PointerScope()) {
      ComputeDevice computes = new ComputeDevice(plan.device());
      computes.makeCurrent();
      Device device = owner.own(computes.open());
      Optimizer made = Optimizer.of(config.optimizer());
      Optimizer optimizer = owner.own(made, made::close);
      ShardedParameters sharded =
          new ShardedParameters(
              plan.model(), zeroOptions(config), communicator, device, assignment, optimizer);
      this.parameters = owner.own(sharded, sharded::close);
      TrainingState begun = start.fill(parameters);
      this.steps = begun.step();
      this.walker =
          new BlockWalker(plan.model(), parameters.blocks(), new KeepGraph(), device, communicator);
      this.step =
          new TrainStep(
              walker,
              parameters,
              optimizer,
              RateSchedule.of(config, groups),
              LossScaler.of(config.precision().lossScale()),
              new GradientClipping(config.gradientClipping()),
              GradientScale.of(config.communication(), communicator.size()),
              communicator,
              plan.seed());
      step.restore(begun);
    } catch (RuntimeException | Error e) {
      owner.close();
      throw e;
    }
  }

  private static ZeroOptions zeroOptions(DeepSpeedConfig config) {
    ZeroConfig zero = config.zero();
    return new ZeroOptions(
        ZeroStage.of(zero.stage()),
        config.precision().dtype(),
        config.batch().accumulation() > 1,
        config.communication().dataType(),
        zero.overlapComm(),
        zero.parameterPersistenceThreshold(),
        zero.prefetchBucketSize(),
        zero.maxLiveParameters());
  }

  /** Runs the next step. */
  public StepReport step(BatchSource source) {
    steps++;
    return step.run(steps, source);
  }

  /**
   * Mean loss over a split, without dropout.
   *
   * @param limit micro-batches a rank at the most; {@code Long.MAX_VALUE} for the whole split
   */
  public EvaluationReport evaluate(EvaluationSource source, long limit) {
    double lossSum = 0;
    long targets = 0;
    for (Iterator<MicroBatch> pass = source.pass(limit); pass.hasNext(); ) {
      MicroBatch batch = pass.next();
      lossSum += walker.evaluate(batch);
      targets += batch.validTargets();
    }
    double[] sums = communicator.sum(lossSum, targets);
    return new EvaluationReport(steps, sums[0] / sums[1], (long) sums[1]);
  }

  /** Hands the trained parameters, whole and in fp32, to {@code sink} on rank 0. */
  public void exportParameters(ParameterSink sink) {
    parameters.export(sink::accept);
  }

  /** Where it stands, between two steps; all but the tensors. */
  public TrainingState state() {
    return step.state(steps);
  }

  /** This rank's share of what a checkpoint holds: the live tensors, which the next step moves. */
  public List<Piece> shardPieces() {
    return parameters.shardPieces();
  }

  /** Where any rank's share begins and ends in the parameters; pieces without values. */
  public List<Piece> shardRuns(int rank) {
    return parameters.shardRuns(rank);
  }

  /** What the values of a piece are called. */
  public List<String> valueNames() {
    return parameters.valueNames();
  }

  /** Names of what the optimizer keeps of each parameter. */
  public List<String> optimizerStates() {
    return parameters.stateNames();
  }

  /** Bytes that this rank holds for good, counted where they were allocated. */
  public MemoryReport memory() {
    return report(parameters.bytes());
  }

  /**
   * Bytes that a rank will hold, by the formula and without allocating anything.
   *
   * @param ranks their number
   */
  public static MemoryReport plannedMemory(TrainingPlan plan, int ranks) {
    DeepSpeedConfig config = plan.deepspeed();
    try (Optimizer optimizer = Optimizer.of(config.optimizer())) {
      return report(
          new ZeroMemory(plan.model(), ranks, zeroOptions(config), optimizer.stateNames().size())
              .bytes());
    }
  }

  private static MemoryReport report(Map<MemoryKind, Long> bytes) {
    Map<String, Long> labelled = new TreeMap<>();
    bytes.forEach((kind, n) -> labelled.put(kind.label(), n));
    return new MemoryReport(labelled);
  }

  /** A number that grows as long as this rank gets on, also inside a step. Any thread may ask. */
  public long progress() {
    return walker.visits();
  }

  /** Steps taken so far. */
  public long steps() {
    return steps;
  }

  /** What it was made from. */
  public TrainingPlan plan() {
    return plan;
  }

  @Override
  public void close() {
    owner.close();
  }
}
