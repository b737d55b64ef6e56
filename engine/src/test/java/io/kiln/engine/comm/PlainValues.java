package io.kiln.engine.comm;

import java.util.Random;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Numbers in arrays, and what collectives make of them by definition. */
final class PlainValues {
  private PlainValues() {}

  /** What a rank holds: arbitrary fp32 numbers that any test can recompute. */
  static float[] values(int rank, int length) {
    Random random = new Random(31L * rank + length);
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  static Tensor tensor(float... values) {
    try (FloatPointer pointer = new FloatPointer(values)) {
      return torch
          .from_blob(pointer, new long[] {values.length}, new TensorOptions(ScalarType.Float))
          .clone();
    }
  }

  static float[] floats(Tensor tensor) {
    Tensor flat = tensor.to(ScalarType.Float).contiguous();
    float[] values = new float[(int) flat.numel()];
    if (values.length > 0) {
      flat.data_ptr_float().get(values);
    }
    return values;
  }

  /** The definition: rank 0's, plus rank 1's, and so on, in fp32. */
  static float[] sum(int size, int length, int from, int count) {
    float[] total = new float[count];
    for (int r = 0; r < size; r++) {
      float[] term = values(r, length);
      for (int i = 0; i < count; i++) {
        total[i] = r == 0 ? term[from + i] : total[i] + term[from + i];
      }
    }
    return total;
  }

  /** An element's value after a round through bf16: nearest, ties to even. */
  static float bf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    int rounded = bits + 0x7fff + (bits >>> 16 & 1);
    return Float.intBitsToFloat(rounded & 0xffff0000);
  }
}
