package io.kiln.datasource.rank;

import io.kiln.datasource.packing.TokenSamples;
import io.kiln.engine.model.Objective;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.ShortPointer;
import org.bytedeco.javacpp.indexer.ByteRawIndexer;
import org.bytedeco.javacpp.indexer.IntRawIndexer;
import org.bytedeco.javacpp.indexer.LongRawIndexer;
import org.bytedeco.javacpp.indexer.ShortRawIndexer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Token ids {@code [batch, time]}, both tensors int64. */
final class TokenBuffer extends MicroBatchBuffer {
  /** Reads one token of the store. */
  private interface Tokens {
    long at(long index);
  }

  private final int time;
  private final Tokens tokens;
  private final LongRawIndexer inputs;
  private final LongRawIndexer targets;

  private TokenBuffer(int time, Tokens tokens, Tensor inputs, Tensor targets) {
    super(inputs, targets);
    this.time = time;
    this.tokens = tokens;
    this.inputs = longs(inputs);
    this.targets = longs(targets);
  }

  static TokenBuffer of(TokenSamples shape, int rows, NativeBytes samples) {
    int time = shape.sequenceLength();
    return new TokenBuffer(
        time,
        reader(shape, samples),
        allocate(ScalarType.Long, rows, time),
        allocate(ScalarType.Long, rows, time));
  }

  private static Tokens reader(TokenSamples shape, NativeBytes samples) {
    long count = samples.size() / shape.unitBytes();
    return switch (shape.width()) {
      case ONE -> {
        ByteRawIndexer bytes = new ByteRawIndexer(samples.pointer());
        yield index -> bytes.get(index) & 0xff;
      }
      case TWO -> {
        ShortRawIndexer shorts =
            new ShortRawIndexer(new ShortPointer(samples.pointer()).capacity(count));
        yield index -> shorts.get(index) & 0xffff;
      }
      case FOUR -> {
        IntRawIndexer ints = new IntRawIndexer(new IntPointer(samples.pointer()).capacity(count));
        yield ints::get;
      }
    };
  }

  @Override
  void fill(int row, long index, long units) {
    long source = index * (time + 1);
    long target = (long) row * time;
    long valid = Math.min(time, units - 1);
    long token = tokens.at(source);
    for (long i = 0; i < valid; i++) {
      inputs.put(target + i, token);
      token = tokens.at(source + i + 1);
      targets.put(target + i, token);
    }
    for (long i = valid; i < time; i++) {
      inputs.put(target + i, 0);
      targets.put(target + i, Objective.IGNORED);
    }
  }

  @Override
  void ignore(int row) {
    fill(row, 0, 1);
  }
}
