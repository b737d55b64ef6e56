package io.kiln.engine.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Dropout (Srivastava et al. 2014) whose mask is a function of seed, step, row of the global batch,
 * block and place in the block: the same for any number of ranks, any cut into micro-batches, and
 * when a block is run again in backward.
 *
 * @param probability of an element becoming zero; the others are scaled by {@code 1 / (1 - p)}
 * @param block index of the block in the model
 * @param site which of the block's dropouts
 */
record Dropout(double probability, int block, int site) {
  /** Sixteen bits decide an element, so one draw serves four. */
  private static final int LANE_BITS = 16;

  private static final int LANES = Long.SIZE / LANE_BITS;
  private static final int LANE_VALUES = 1 << LANE_BITS;

  Dropout {
    if (!(probability >= 0 && probability < 1)) {
      throw new IllegalArgumentException(
          "dropout probability " + probability + " is not in [0, 1)");
    }
  }

  boolean active(Pass pass) {
    return pass.training() && probability > 0;
  }

  /**
   * @param x any shape whose first dimension is the micro-batch's rows; contiguous or not
   */
  Tensor apply(Tensor x, Pass pass) {
    return active(pass) ? x.mul(mask(x, pass)) : x;
  }

  /** Zeros and {@code 1 / (1 - p)}, of the shape, dtype and device of {@code x}. */
  private Tensor mask(Tensor x, Pass pass) {
    Tensor mask = torch.empty(x.shape(), new TensorOptions(x.scalar_type()), null);
    long rows = x.size(0);
    long perRow = x.numel() / rows;
    RandomKey key = RandomKey.of(pass.seed()).with(pass.step());
    long rowBytes = perRow * x.element_size();
    if (rowBytes > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "dropout over rows of " + rowBytes + " bytes; at most 2 GiB a row");
    }
    BytePointer start = new BytePointer(mask.data_ptr());
    for (long row = 0; row < rows; row++) {
      RandomKey stream = key.with(pass.firstRow() + row).with(block).with(site);
      ByteBuffer bytes =
          new BytePointer(start)
              .position(row * rowBytes)
              .limit(row * rowBytes + rowBytes)
              .asByteBuffer()
              .order(ByteOrder.nativeOrder());
      fill(bytes, x.scalar_type().intern(), (int) perRow, stream);
    }
    return x.is_cuda() ? mask.to(x.device(), x.scalar_type()) : mask;
  }

  private void fill(ByteBuffer bytes, ScalarType type, int count, RandomKey stream) {
    int threshold = (int) Math.round(probability * LANE_VALUES);
    // The scale follows the probability that the sixteen bits really have.
    float scale = (float) (1.0 / (1.0 - (double) threshold / LANE_VALUES));
    switch (type) {
      case Float -> {
        FloatBuffer out = bytes.asFloatBuffer();
        for (int i = 0; i < count; i += LANES) {
          long bits = stream.bits(i);
          int end = Math.min(i + LANES, count);
          for (int j = i; j < end; j++, bits >>>= LANE_BITS) {
            out.put(j, (bits & (LANE_VALUES - 1)) >= threshold ? scale : 0f);
          }
        }
      }
      case BFloat16, Half -> {
        short kept = type == ScalarType.Half ? halfBits(scale) : bfloat16Bits(scale);
        ShortBuffer out = bytes.asShortBuffer();
        for (int i = 0; i < count; i += LANES) {
          long bits = stream.bits(i);
          int end = Math.min(i + LANES, count);
          for (int j = i; j < end; j++, bits >>>= LANE_BITS) {
            out.put(j, (bits & (LANE_VALUES - 1)) >= threshold ? kept : 0);
          }
        }
      }
      default -> throw new IllegalArgumentException("dropout over " + type);
    }
  }

  /** Nearest bfloat16, ties to even. */
  private static short bfloat16Bits(float value) {
    int bits = Float.floatToIntBits(value);
    return (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
  }

  /** Nearest half for the scales that occur: normal, at least 1 and well below 65,504. */
  private static short halfBits(float value) {
    int bits = Float.floatToIntBits(value);
    int rounded = bits + 0xFFF + ((bits >>> 13) & 1);
    return (short) ((rounded - (112 << 23)) >>> 13);
  }
}
