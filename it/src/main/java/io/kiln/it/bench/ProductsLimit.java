package io.kiln.it.bench;

import io.kiln.engine.tensor.Dtype;
import io.kiln.engine.tensor.Tensors;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * What a step's matrix products alone would take: each of them, forward and both gradients, timed
 * on its own in the same process. No step can be faster by other means than fewer or faster
 * products.
 */
final class ProductsLimit {
  private static final int REPETITIONS = 5;

  private ProductsLimit() {}

  /** Milliseconds of all products of one rank and step. */
  static double millis(GptShape shape, Dtype dtype, String device) {
    long tokens = shape.tokens();
    long h = shape.hidden();
    double layer =
        linear(dtype, device, tokens, h, 3 * h)
            + linear(dtype, device, tokens, h, h)
            + linear(dtype, device, tokens, h, 4 * h)
            + linear(dtype, device, tokens, 4 * h, h)
            + attention(shape, dtype, device);
    // A GPU multiplies 50,257 columns several times slower than 50,304.
    int multiple = device.equals("cpu") ? 1 : 64;
    long columns = (shape.vocabulary() + multiple - 1) / multiple * multiple;
    return shape.layers() * layer + linear(dtype, device, tokens, h, columns);
  }

  /** {@code y = x W'}, {@code dx = dy W}, {@code dW = dy' x}. */
  private static double linear(Dtype dtype, String device, long rows, long in, long out) {
    try (PointerScope scope = new PointerScope();
        Device place = new Device(device)) {
      Tensor x = filled(dtype, place, rows, in);
      Tensor w = filled(dtype, place, out, in);
      Tensor dy = filled(dtype, place, rows, out);
      return best(device, () -> torch.linear(x, w))
          + best(device, () -> dy.mm(w))
          + best(device, () -> dy.t().mm(x));
    }
  }

  /**
   * Scores and mixture, and the four products of their gradients; half of each, because half of
   * what a causal attention computes is not needed.
   */
  private static double attention(GptShape shape, Dtype dtype, String device) {
    try (PointerScope scope = new PointerScope();
        Device place = new Device(device)) {
      long heads = (long) shape.batch() * shape.heads();
      long size = shape.hidden() / shape.heads();
      Tensor q = filled(dtype, place, heads, shape.time(), size);
      Tensor scores = filled(dtype, place, heads, shape.time(), shape.time());
      double forward =
          best(device, () -> q.bmm(q.transpose(1, 2))) + best(device, () -> scores.bmm(q));
      double backward =
          2 * best(device, () -> scores.transpose(1, 2).bmm(q))
              + best(device, () -> q.bmm(q.transpose(1, 2)))
              + best(device, () -> scores.bmm(q));
      return (forward + backward) / 2;
    }
  }

  private static Tensor filled(Dtype dtype, Device device, long... shape) {
    return Tensors.zeros(dtype.scalarType(), device, shape).normal_();
  }

  private interface Product {
    Tensor compute();
  }

  private static double best(String device, Product product) {
    double best = Double.MAX_VALUE;
    for (int i = 0; i < REPETITIONS; i++) {
      try (PointerScope scope = new PointerScope()) {
        long start = System.nanoTime();
        product.compute();
        if (!device.equals("cpu")) {
          torch.cuda_synchronize();
        }
        best = Math.min(best, (System.nanoTime() - start) / 1e6);
      }
    }
    return best;
  }
}
