package io.kiln.datasource.rank;

import io.kiln.datasource.packing.FeatureSamples;
import io.kiln.datasource.packing.LabelKind;
import io.kiln.engine.model.Objective;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.indexer.FloatRawIndexer;
import org.bytedeco.javacpp.indexer.IntRawIndexer;
import org.bytedeco.javacpp.indexer.LongRawIndexer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Features {@code [batch, features]} fp32 with class ids {@code [batch]} int64 or values {@code
 * [batch, outputs]} fp32. An ignored value is NaN.
 */
final class FeatureBuffer extends MicroBatchBuffer {
  private final FeatureSamples shape;
  private final FloatRawIndexer samples;
  private final IntRawIndexer classes;
  private final FloatRawIndexer inputs;
  private final LongRawIndexer classTargets;
  private final FloatRawIndexer valueTargets;

  private FeatureBuffer(FeatureSamples shape, NativeBytes bytes, Tensor inputs, Tensor targets) {
    super(inputs, targets);
    this.shape = shape;
    long words = bytes.size() / Float.BYTES;
    this.samples = new FloatRawIndexer(new FloatPointer(bytes.pointer()).capacity(words));
    this.classes = new IntRawIndexer(new IntPointer(bytes.pointer()).capacity(words));
    this.inputs = floats(inputs);
    boolean isClass = shape.label() == LabelKind.CLASS;
    this.classTargets = isClass ? longs(targets) : null;
    this.valueTargets = isClass ? null : floats(targets);
  }

  static FeatureBuffer of(FeatureSamples shape, int rows, NativeBytes samples) {
    Tensor inputs = allocate(ScalarType.Float, rows, shape.features());
    Tensor targets =
        shape.label() == LabelKind.CLASS
            ? allocate(ScalarType.Long, rows)
            : allocate(ScalarType.Float, rows, shape.outputs());
    return new FeatureBuffer(shape, samples, inputs, targets);
  }

  @Override
  void fill(int row, long index, long units) {
    int features = shape.features();
    int outputs = shape.outputs();
    long source = index * (features + outputs);
    long target = (long) row * features;
    for (int i = 0; i < features; i++) {
      inputs.put(target + i, samples.get(source + i));
    }
    if (classTargets != null) {
      classTargets.put(row, classes.get(source + features));
    } else {
      for (int i = 0; i < outputs; i++) {
        valueTargets.put((long) row * outputs + i, samples.get(source + features + i));
      }
    }
  }

  @Override
  void ignore(int row) {
    for (int i = 0; i < shape.features(); i++) {
      inputs.put((long) row * shape.features() + i, 0);
    }
    if (classTargets != null) {
      classTargets.put(row, Objective.IGNORED);
    } else {
      for (int i = 0; i < shape.outputs(); i++) {
        valueTargets.put((long) row * shape.outputs() + i, Float.NaN);
      }
    }
  }
}
