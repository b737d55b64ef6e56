package io.kiln.it.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.config.DeepSpeedConfig;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.ModelFamilies;
import io.kiln.engine.tensor.Dtype;
import io.kiln.engine.train.Training;
import io.kiln.engine.train.TrainingPlan;
import io.kiln.engine.train.recovery.CheckpointListener;
import io.kiln.engine.train.recovery.CheckpointPolicy;
import io.kiln.engine.train.recovery.CheckpointReport;
import io.kiln.engine.train.recovery.Checkpointing;
import io.kiln.engine.train.recovery.Recut;
import io.kiln.engine.train.recovery.RunDescription;
import io.kiln.spark.cli.HadoopOptions;
import io.kiln.spark.store.HadoopCheckpointStore;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.hadoop.conf.Configuration;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.global.torch;

/**
 * One rank of {@link CheckpointBenchmark}: one training, whose turns with and without checkpoints
 * alternate, then checkpoints that are written and read while nothing else goes on.
 */
public final class CheckpointRank {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int BORDERS = 1000;
  private static final int KEPT = 2;

  private final RankLink link;
  private final CheckpointTurns turns;
  private final Communicator communicator;
  private final Configuration hadoop;
  private final GptShape shape;

  private CheckpointRank(RankLink link, CheckpointTurns turns, Communicator communicator) {
    this.link = link;
    this.turns = turns;
    this.communicator = communicator;
    this.shape = GptShape.named(turns.shape());
    this.hadoop = HadoopOptions.configuration(turns.hadoop(), System.getenv());
  }

  /** Called in a process of its own. */
  public static void main(String[] arguments) throws Exception {
    RankLink link = new RankLink(arguments);
    CheckpointTurns turns = JSON.readValue(arguments[2], CheckpointTurns.class);
    torch.set_num_threads(turns.threads());
    link.meet(
        Duration.ofMinutes(10),
        communicator -> {
          try (PointerScope scope = new PointerScope()) {
            new CheckpointRank(link, turns, communicator).run();
          }
        });
  }

  private void run() throws Exception {
    for (Dtype dtype : turns.dtypes()) {
      for (int stage : turns.stages()) {
        String place = turns.folder() + "/" + dtype.label() + "-" + stage;
        DeepSpeedConfig config =
            DeepSpeedConfig.parse(
                JSON.readTree(StepPlan.deepSpeedConfig(shape, dtype, stage)), link.ranks());
        try (CheckpointStore store = HadoopCheckpointStore.of(place, hadoop);
            Model model =
                ModelFamilies.parse(
                        "model", JSON.readTree(shape.huggingFaceConfig()), DataSizes.unknown())
                    .model();
            StepTokens tokens = new StepTokens(shape, 1, link.rank(), link.ranks());
            Training training =
                new Training(new TrainingPlan(model, config, 1, "cpu"), communicator)) {
          Figures figures = new Figures(dtype, stage);
          steps(figures, store, training, tokens);
          rates(figures, store, training, tokens);
        }
      }
    }
  }

  /** Reports what belongs to one training. */
  private final class Figures implements CheckpointListener {
    private final Dtype dtype;
    private final int stage;
    private final List<CheckpointReport> checkpoints = new ArrayList<>();

    Figures(Dtype dtype, int stage) {
      this.dtype = dtype;
      this.stage = stage;
    }

    @Override
    public void onCheckpoint(CheckpointReport report) {
      checkpoints.add(report);
    }

    @Override
    public void onRemark(String line) {
      System.err.println(line);
    }

    ObjectNode of(String kind) {
      return JSON.createObjectNode()
          .put("kind", kind)
          .put("dtype", dtype.label())
          .put("stage", stage);
    }

    void rate(String what, int repetition, long bytes, double millis) {
      // The first of each finds code that is not compiled and memory that was never touched.
      if (repetition > 0) {
        link.report(of("rate").put("what", what).put("bytes", bytes).put("ms", millis).toString());
      }
    }
  }

  private Checkpointing checkpointing(
      Figures figures,
      CheckpointStore store,
      int keepLast,
      Training training,
      AtomicBoolean requested) {
    RunDescription run = new RunDescription(JSON.createObjectNode(), JSON.createObjectNode());
    CheckpointPolicy policy =
        new CheckpointPolicy(
            0, Optional.empty(), keepLast, 0, List.of(), 1, Duration.ofMinutes(10));
    return new Checkpointing(
        new CheckpointFolder(store),
        policy,
        training,
        run,
        communicator,
        figures,
        () -> requested.getAndSet(false));
  }

  private void steps(Figures figures, CheckpointStore store, Training training, StepTokens tokens) {
    AtomicBoolean requested = new AtomicBoolean();
    try (Checkpointing checkpointing = checkpointing(figures, store, KEPT, training, requested)) {
      // Both kinds once before anything counts.
      for (int repetition = -1; repetition < turns.repetitions(); repetition++) {
        for (int half = 0; half < 2; half++) {
          boolean taken = (repetition + half) % 2 == 0;
          figures.checkpoints.clear();
          communicator.barrier();
          long inside = 0;
          long start = System.nanoTime();
          for (int i = 0; i < turns.every(); i++) {
            training.step(tokens);
            if (taken) {
              // At the turn's first border: it is written behind the others.
              requested.set(i == 0);
              long border = System.nanoTime();
              checkpointing.stepped();
              inside += System.nanoTime() - border;
            }
          }
          long border = System.nanoTime();
          checkpointing.land();
          inside += System.nanoTime() - border;
          communicator.barrier();
          double millis = (System.nanoTime() - start) / 1e6;
          if (repetition >= 0) {
            ObjectNode report =
                figures
                    .of("turn")
                    .put("repetition", repetition)
                    .put("checkpoints", taken)
                    .put("ms", millis)
                    .put("steps", turns.every());
            for (CheckpointReport checkpoint : figures.checkpoints) {
              report
                  .put("bytes", checkpoint.bytes())
                  .put("wait", checkpoint.waitMillis())
                  .put("inside", inside / 1e6)
                  .put("behind", checkpoint.writeMillis());
            }
            link.report(report.toString());
          }
        }
      }
      borders(figures, checkpointing);
    }
  }

  /** What is said at a border where nothing is due. */
  private void borders(Figures figures, Checkpointing checkpointing) {
    for (int round = 0; round < turns.repetitions(); round++) {
      communicator.barrier();
      long start = System.nanoTime();
      for (int i = 0; i < BORDERS; i++) {
        checkpointing.stepped();
      }
      double millis = (System.nanoTime() - start) / 1e6 / BORDERS;
      link.report(figures.of("border").put("ms", millis).toString());
    }
  }

  /** Something of which only the store and the processor decide how long it takes. */
  private interface Work {
    void run() throws IOException;
  }

  /** Until all ranks have done it. */
  private double millis(Work work) throws IOException {
    communicator.barrier();
    long start = System.nanoTime();
    work.run();
    communicator.barrier();
    return (System.nanoTime() - start) / 1e6;
  }

  private void rates(Figures figures, CheckpointStore store, Training training, StepTokens tokens)
      throws IOException {
    CheckpointFolder folder = new CheckpointFolder(store);
    long own = 0;
    for (var piece : training.shardPieces()) {
      own += piece.elements() * piece.values().size() * Float.BYTES;
    }
    long all = (long) communicator.sum(own)[0];
    String name = "plain-" + link.rank();
    try (Checkpointing checkpointing =
            checkpointing(figures, store, Integer.MAX_VALUE, training, new AtomicBoolean());
        PlainCopy plain = new PlainCopy(store, hadoop, name, own)) {
      for (int repetition = 0; repetition <= turns.repetitions(); repetition++) {
        training.step(tokens);
        figures.rate("checkpoint", repetition, all, millis(checkpointing::take));
        figures.rate("resume", repetition, all, millis(() -> resume(folder, training)));
        remove(store, CheckpointFolder.name(training.steps()));
        figures.rate("copy in", repetition, all, millis(plain::writeSynced));
        figures.rate("copy out", repetition, all, millis(plain::read));
        store.delete(name);
        figures.rate("copy in, not synced", repetition, all, millis(plain::write));
        store.delete(name);
      }
    }
  }

  private void resume(CheckpointFolder folder, Training training) throws IOException {
    try (Recut shards = new Recut(folder, folder.manifest(training.steps()))) {
      shards.read(training.shardPieces(), link.rank());
    }
  }

  private void remove(CheckpointStore store, String name) throws IOException {
    communicator.barrier();
    if (link.rank() == 0) {
      store.delete(name);
    }
    communicator.barrier();
  }
}
