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
    if (target.numel() != spec.elements()) {
      throw misfit(spec, 0, target);
    }
    fill(spec, 0, target);
  }

  /**
   * Overwrites a tensor with a piece of the parameter's first values; what lies outside of the
   * chunks that the piece touches is not drawn.
   *
   * @param begin index in the parameter, seen as one row, of the piece's first element
   * @param target fp32, contiguous, on the CPU, with as many elements as the piece
   */
  public void fill(ParameterSpec spec, long begin, Tensor target) {
    long end = begin + target.numel();
    if (begin < 0 || end > spec.elements() || !target.is_contiguous()) {
      throw misfit(spec, begin, target);
    }
    try (PointerScope scope = new PointerScope()) {
      Tensor flat = target.detach().view(-1);
      if (spec.initialization() instanceof Initialization.Constant constant) {
        flat.fill_(new Scalar(constant.value()));
        return;
      }
      RandomKey stream = key.with(spec.name());
      for (long at = begin / CHUNK * CHUNK; at < end; at += CHUNK) {
        long drawn = Math.min(CHUNK, spec.elements() - at);
        long from = Math.max(at, begin);
        long wanted = Math.min(at + drawn, end) - from;
        try (PointerScope chunkScope = new PointerScope()) {
          Tensor piece = flat.narrow(0, from - begin, wanted);
          if (wanted == drawn) {
            draw(spec.initialization(), piece, stream, at);
          } else {
            Tensor chunk = torch.empty(drawn);
            draw(spec.initialization(), chunk, stream, at);
            piece.copy_(chunk.narrow(0, from - at, wanted));
          }
        }
      }
    }
  }

  private static IllegalArgumentException misfit(ParameterSpec spec, long begin, Tensor target) {
    return new IllegalArgumentException(
        spec.name()
            + " of shape "
            + spec.shape()
            + " does not fill a tensor of "
            + target.numel()
            + " elements from element "
            + begin
            + " on");
  }

  private static void draw(Initialization how, Tensor chunk, RandomKey stream, long position) {
    if (how instanceof Initialization.Uniform uniform) {
      uniform(uniform, chunk, stream, position);
    } else if (how instanceof Initialization.Normal normal) {
      normal(normal, chunk, stream, position);
    }
  }

  private static void uniform(
      Initialization.Uniform draw, Tensor chunk, RandomKey stream, long position) {
    units(chunk, stream, position);
    chunk.mul_(new Scalar(draw.high() - draw.low())).add_(new Scalar(draw.low()));
  }

  /** Box and Muller (1958): a pair of uniforms makes a pair of normals. */
  private static void normal(
      Initialization.Normal draw, Tensor chunk, RandomKey stream, long position) {
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
