package io.kiln.engine.model;

import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * First values of parameters, a function of the run's seed and the parameter's name alone: the same
 * on any number of ranks and in any order of filling.
 */
public final class ParameterInitializer {
  /** Elements drawn together; part of the definition of the values. */
  private static final int CHUNK = 1 << 18;

  private static final float TO_UNIT = 0x1p-24f;

  private final RandomKey key;

  /** The values of a run with this seed. */
  public ParameterInitializer(long seed) {
    this.key = RandomKey.of(seed).with("parameters");
  }

  /**
   * Overwrites a tensor with the parameter's first values.
   *
   * @param target fp32, contiguous, on the CPU, with as many elements as the parameter
   */
  public void fill(ParameterSpec spec, Tensor target) {
    if (target.numel() != spec.elements() || !target.is_contiguous()) {
      throw new IllegalArgumentException(
          spec.name()
              + " of shape "
              + spec.shape()
              + " does not fill a tensor of "
              + target.numel()
              + " elements");
    }
    try (PointerScope scope = new PointerScope()) {
      Tensor flat = target.detach().view(-1);
      if (spec.initialization() instanceof Initialization.Constant constant) {
        flat.fill_(new Scalar(constant.value()));
      } else if (spec.initialization() instanceof Initialization.Uniform uniform) {
        RandomKey stream = key.with(spec.name());
        for (long at = 0; at < flat.numel(); at += CHUNK) {
          uniform(uniform, flat.narrow(0, at, Math.min(CHUNK, flat.numel() - at)), stream, at);
        }
      } else if (spec.initialization() instanceof Initialization.Normal normal) {
        RandomKey stream = key.with(spec.name());
        for (long at = 0; at < flat.numel(); at += CHUNK) {
          normal(normal, flat.narrow(0, at, Math.min(CHUNK, flat.numel() - at)), stream, at);
        }
      }
    }
  }

  private static void uniform(
      Initialization.Uniform draw, Tensor chunk, RandomKey stream, long position) {
    try (PointerScope scope = new PointerScope()) {
      units(chunk, stream, position);
      chunk.mul_(new Scalar(draw.high() - draw.low())).add_(new Scalar(draw.low()));
    }
  }

  /** Box and Muller (1958): a pair of uniforms makes a pair of normals. */
  private static void normal(
      Initialization.Normal draw, Tensor chunk, RandomKey stream, long position) {
    try (PointerScope scope = new PointerScope()) {
      long pairs = (chunk.numel() + 1) / 2;
      Tensor drawn = torch.empty(2 * pairs);
      units(drawn, stream, position);
      // 1 - u lies in (0, 1]: its logarithm is finite.
      Tensor radius =
          drawn
              .narrow(0, 0, pairs)
              .neg()
              .log1p_()
              .mul_(new Scalar(-2.0))
              .sqrt_()
              .mul_(new Scalar(draw.standardDeviation()));
      Tensor angle = drawn.narrow(0, pairs, pairs).mul_(new Scalar(2 * Math.PI));
      chunk.narrow(0, 0, pairs).copy_(angle.cos().mul_(radius));
      long rest = chunk.numel() - pairs;
      if (rest > 0) {
        chunk.narrow(0, pairs, rest).copy_(angle.sin_().mul_(radius).narrow(0, 0, rest));
      }
      if (draw.mean() != 0) {
        chunk.add_(new Scalar(draw.mean()));
      }
    }
  }

  /** Multiples of 2^-24 in [0, 1), element i from position {@code start + i} of the stream. */
  private static void units(Tensor target, RandomKey stream, long start) {
    int count = Math.toIntExact(target.numel());
    FloatBuffer out =
        new BytePointer(target.data_ptr())
            .limit((long) count * Float.BYTES)
            .asByteBuffer()
            .order(ByteOrder.nativeOrder())
            .asFloatBuffer();
    for (int i = 0; i < count; i++) {
      out.put(i, (stream.bits(start + i) >>> 40) * TO_UNIT);
    }
  }
}
