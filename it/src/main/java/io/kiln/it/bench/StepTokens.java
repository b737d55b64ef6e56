package io.kiln.it.bench;

import io.kiln.engine.train.BatchSource;
import io.kiln.engine.train.MicroBatch;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The same random tokens every step: what they are does not matter to the clock. */
final class StepTokens implements BatchSource {
  private final List<MicroBatch> batches = new ArrayList<>();
  private final long globalTargets;

  /**
   * @param microBatches that a rank's batch is cut into
   */
  StepTokens(GptShape shape, int microBatches, int rank, int ranks) {
    int rows = shape.batch() / microBatches;
    for (int i = 0; i < microBatches; i++) {
      long seed = 2L * (rank * microBatches + i);
      batches.add(
          new MicroBatch(
              random(shape, rows, seed),
              random(shape, rows, seed + 1),
              (long) rows * shape.time(),
              (long) rank * shape.batch() + (long) i * rows));
    }
    this.globalTargets = shape.tokens() * ranks;
  }

  private static Tensor random(GptShape shape, int rows, long seed) {
    long[] values =
        new SplittableRandom(seed)
            .longs((long) rows * shape.time(), 0, shape.vocabulary())
            .toArray();
    return torch
        .from_blob(
            new LongPointer(values),
            new long[] {rows, shape.time()},
            new TensorOptions(ScalarType.Long))
        .clone();
  }

  /** The first micro-batch, in host memory. */
  MicroBatch first() {
    return batches.get(0);
  }

  @Override
  public List<MicroBatch> next(long step) {
    return batches;
  }

  @Override
  public long globalValidTargets(long step) {
    return globalTargets;
  }

  @Override
  public void close() {
    for (MicroBatch batch : batches) {
      batch.inputs().close();
      batch.targets().close();
    }
  }
}
