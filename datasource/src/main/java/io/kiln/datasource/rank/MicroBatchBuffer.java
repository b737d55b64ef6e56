package io.kiln.datasource.rank;

import io.kiln.datasource.packing.DataPlan;
import io.kiln.datasource.packing.FeatureSamples;
import io.kiln.datasource.packing.TokenSamples;
import io.kiln.engine.train.MicroBatch;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.indexer.FloatRawIndexer;
import org.bytedeco.javacpp.indexer.LongRawIndexer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The two tensors of a micro-batch, made once and written again and again, row by row. */
abstract sealed class MicroBatchBuffer implements AutoCloseable permits TokenBuffer, FeatureBuffer {
  private final Tensor inputs;
  private final Tensor targets;

  MicroBatchBuffer(Tensor inputs, Tensor targets) {
    this.inputs = inputs;
    this.targets = targets;
  }

  static MicroBatchBuffer of(DataPlan plan, NativeBytes samples) {
    if (plan.shape() instanceof TokenSamples tokens) {
      return TokenBuffer.of(tokens, plan.microBatch(), samples);
    }
    return FeatureBuffer.of((FeatureSamples) plan.shape(), plan.microBatch(), samples);
  }

  /** Zeros that outlive the caller's scope. */
  static Tensor allocate(ScalarType type, long... shape) {
    try (PointerScope scope = new PointerScope();
        TensorOptions options = new TensorOptions(type)) {
      Tensor tensor = torch.zeros(shape, options);
      tensor.retainReference();
      return tensor;
    }
  }

  /** The memory of an int64 tensor. */
  static LongRawIndexer longs(Tensor tensor) {
    LongPointer pointer = tensor.data_ptr_long();
    return new LongRawIndexer(pointer.capacity(tensor.numel()));
  }

  /** The memory of an fp32 tensor. */
  static FloatRawIndexer floats(Tensor tensor) {
    FloatPointer pointer = tensor.data_ptr_float();
    return new FloatRawIndexer(pointer.capacity(tensor.numel()));
  }

  /**
   * Writes one row.
   *
   * @param index of the sample in the store
   * @param units it has; targets beyond them are ignored
   */
  abstract void fill(int row, long index, long units);

  /** Makes a row whose targets are all ignored. */
  abstract void ignore(int row);

  final MicroBatch batch(long validTargets, long firstRow) {
    return new MicroBatch(inputs, targets, validTargets, firstRow);
  }

  @Override
  public void close() {
    inputs.close();
    targets.close();
  }
}
