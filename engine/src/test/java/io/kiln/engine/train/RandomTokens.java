package io.kiln.engine.train;

import io.kiln.engine.comm.Communicator;
import io.kiln.engine.tensor.NativeOwner;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Micro-batches whose tokens are a function of the step and the row in the global batch. Every
 * third row of the first half has its last targets ignored, so that ranks differ in their valid
 * targets.
 */
public final class RandomTokens implements BatchSource {
  private final int rank;
  private final int ranks;
  private final int globalBatch;
  private final int microBatch;
  private final int time;
  private final int vocabulary;
  private final NativeOwner owner = new NativeOwner();

  public RandomTokens(
      Communicator communicator, int globalBatch, int microBatch, int time, int vocabulary) {
    this.rank = communicator.rank();
    this.ranks = communicator.size();
    this.globalBatch = globalBatch;
    this.microBatch = microBatch;
    this.time = time;
    this.vocabulary = vocabulary;
  }

  @Override
  public List<MicroBatch> next(long step) {
    owner.close();
    int own = globalBatch / ranks;
    List<MicroBatch> batches = new ArrayList<>();
    for (int first = rank * own; first < (rank + 1) * own; first += microBatch) {
      long[] inputs = new long[microBatch * time];
      long[] targets = new long[microBatch * time];
      long valid = 0;
      for (int row = 0; row < microBatch; row++) {
        valid += fill(step, first + row, inputs, targets, row * time);
      }
      try (PointerScope scope = new PointerScope()) {
        batches.add(new MicroBatch(tensor(inputs), tensor(targets), valid, first));
      }
    }
    return batches;
  }

  private long fill(long step, int row, long[] inputs, long[] targets, int at) {
    SplittableRandom random = new SplittableRandom(step * 7919 + row);
    long token = random.nextInt(vocabulary);
    for (int t = 0; t < time; t++) {
      inputs[at + t] = token;
      token = random.nextInt(4) == 0 ? random.nextInt(vocabulary) : (token * 3 + 1) % vocabulary;
      targets[at + t] = t >= valid(row) ? -100 : token;
    }
    return valid(row);
  }

  private int valid(int row) {
    return row < globalBatch / 2 && row % 3 == 0 ? time - 3 : time;
  }

  private Tensor tensor(long[] values) {
    return owner.own(
        torch
            .from_blob(
                new LongPointer(values),
                new long[] {microBatch, time},
                new TensorOptions(ScalarType.Long))
            .clone());
  }

  @Override
  public long globalValidTargets(long step) {
    long valid = 0;
    for (int row = 0; row < globalBatch; row++) {
      valid += valid(row);
    }
    return valid;
  }

  @Override
  public void close() {
    owner.close();
  }
}
