package io.kiln.spark.training;

import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.config.ConfigException;
import io.kiln.engine.train.MemoryReport;
import io.kiln.engine.train.StartingPoint;
import io.kiln.engine.train.Training;
import io.kiln.engine.train.TrainingState;
import io.kiln.engine.train.recovery.CheckpointListener;
import io.kiln.engine.train.recovery.CheckpointReport;
import io.kiln.engine.train.recovery.Checkpointing;
import io.kiln.engine.train.recovery.FromPeers;
import io.kiln.engine.train.recovery.KeptShards;
import io.kiln.engine.train.recovery.Redundancy;
import io.kiln.engine.train.recovery.Resumption;
import io.kiln.engine.train.recovery.RunDescription;
import io.kiln.spark.barrier.RankContext;
import io.kiln.spark.store.HadoopCheckpointStore;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;

/**
 * One rank's checkpoints: where it begins and what it leaves. Does nothing in a run that takes and
 * resumes none. Closed after the training.
 */
final class Recovery implements AutoCloseable, CheckpointListener {
  /** Memory for the copy that is written. */
  static final String CHECKPOINT = "checkpoint";

  /** Memory for the copies that are kept for peers. */
  static final String REDUNDANCY = "redundancy";

  /** Both, in host memory. */
  static final List<String> MEMORY = List.of(CHECKPOINT, REDUNDANCY);

  private final CheckpointPlan plan;
  private final RunDescription run;
  private final Communicator communicator;
  private final RankContext context;
  private final Optional<CheckpointStore> source;
  private final Optional<CheckpointStore> target;
  private final Optional<KeptShards> kept;
  private boolean endedWell;
  private Optional<Checkpointing> checkpointing = Optional.empty();
  private Optional<Redundancy> redundancy = Optional.empty();

  /**
   * @param name of the run, which no other one has
   * @param redundant whether ranks keep their neighbours' shards
   * @param run what it is, as its checkpoints tell it
   */
  Recovery(
      CheckpointPlan plan,
      String name,
      boolean redundant,
      RunDescription run,
      Communicator communicator,
      RankContext context,
      Configuration hadoop)
      throws IOException {
    this.plan = plan;
    this.run = run;
    this.communicator = communicator;
    this.context = context;
    this.source = open(plan.begin(), hadoop);
    this.target = plan.target().equals(plan.begin()) ? source : open(plan.target(), hadoop);
    this.kept = redundant ? Optional.of(ExecutorShards.use(name, context.job())) : Optional.empty();
  }

  private static Optional<CheckpointStore> open(Optional<String> path, Configuration hadoop)
      throws IOException {
    return path.isPresent()
        ? Optional.of(HadoopCheckpointStore.of(path.get(), hadoop))
        : Optional.empty();
  }

  /**
   * Where the training begins: with what its peers keep, else with its own newest checkpoint, which
   * earlier ranks of this run have taken or the run goes on from; else where the job says.
   *
   * @param seed if there is no checkpoint
   */
  StartingPoint beginning(StartingPoint seed) {
    StartingPoint anew = plan.seen() > 0 ? parameters -> lost() : told(seed);
    StartingPoint told =
        source.isEmpty() || source.equals(target) ? anew : from(source.get(), plan.only(), anew);
    StartingPoint durable =
        target.isEmpty() ? told : from(target.get(), OptionalLong.empty(), told);
    return kept.isEmpty() ? durable : new FromPeers(kept.get(), communicator, durable, this);
  }

  /** A run that was to go on must not begin anew in silence. */
  private TrainingState lost() {
    throw new ConfigException(
        "training.resume",
        "the driver has seen the checkpoint of step "
            + plan.seen()
            + " in "
            + plan.source()
            + ", rank 0 on "
            + RankContext.host()
            + " sees none: it takes a folder that all nodes share");
  }

  private StartingPoint told(StartingPoint seed) {
    return parameters -> {
      if (context.rank() == 0) {
        context.begunAnew();
      }
      return seed.fill(parameters);
    };
  }

  private StartingPoint from(CheckpointStore store, OptionalLong only, StartingPoint otherwise) {
    return new Resumption(new CheckpointFolder(store), only, run, communicator, otherwise, this);
  }

  /** From now on this training's checkpoints are taken. All ranks call it. */
  void keep(Training training) throws IOException {
    redundancy =
        kept.map(
            shards ->
                new Redundancy(
                    shards,
                    context.attempt(),
                    RankContext.host() + " process " + ProcessHandle.current().pid(),
                    training,
                    communicator,
                    this));
    if (target.isEmpty()) {
      return;
    }
    CheckpointFolder folder = new CheckpointFolder(target.get());
    if (context.rank() == 0) {
      folder.removeUnfinished();
    }
    checkpointing =
        Optional.of(
            new Checkpointing(
                folder,
                plan.policy(TrainingRank.timeout()),
                training,
                run,
                communicator,
                this,
                context::takeSaveRequest));
  }

  /** A step was taken. */
  void stepped() {
    redundancy.ifPresent(Redundancy::stepped);
    checkpointing.ifPresent(Checkpointing::stepped);
  }

  /** The last step was taken: leaves a checkpoint of it. */
  void finish() {
    checkpointing.ifPresent(Checkpointing::take);
  }

  /** The run has ended well: nobody will begin from what its executors keep. */
  void forget() {
    endedWell = true;
  }

  /** What the rank holds, with what its checkpoints do. */
  MemoryReport memory(MemoryReport held) {
    Map<String, Long> bytes = new TreeMap<>(held.bytes());
    checkpointing.ifPresent(taken -> bytes.put(CHECKPOINT, taken.bytes()));
    redundancy.ifPresent(copies -> bytes.put(REDUNDANCY, copies.bytes()));
    return new MemoryReport(bytes);
  }

  @Override
  public void onResume(long step, String where) {
    if (context.rank() == 0) {
      context.resumed(step, where);
    }
  }

  @Override
  public void onWait(long step) {
    context.at("waiting for the checkpoint of step " + step, step);
  }

  @Override
  public void onCheckpoint(CheckpointReport report) {
    context.at(TrainingRank.TRAINING, report.step());
    if (context.rank() == 0) {
      context.checkpointed(report);
    }
  }

  @Override
  public void onRemark(String line) {
    context.remark(line);
  }

  @Override
  public void close() throws IOException {
    kept.ifPresent(shards -> ExecutorShards.leave(context.job(), endedWell));
    checkpointing.ifPresent(Checkpointing::close);
    if (source.isPresent()) {
      source.get().close();
    }
    if (target.isPresent() && target != source) {
      target.get().close();
    }
  }
}
