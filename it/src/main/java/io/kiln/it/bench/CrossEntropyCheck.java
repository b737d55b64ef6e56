package io.kiln.it.bench;

import io.kiln.engine.kernel.CrossEntropyKernel;
import io.kiln.engine.tensor.ComputeDevice;
import io.kiln.engine.tensor.Dtype;
import java.util.Random;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The GPU's cross-entropy kernel beside libtorch's operators in fp32 on the processor, on the same
 * 16-bit logits: some rows without a target, some logits far apart, columns that mean nothing.
 */
final class CrossEntropyCheck {
  private static final int ROWS = 61;
  private static final long IGNORED = -100;
  private static final double FACTOR = 0.125;

  private CrossEntropyCheck() {}

  /**
   * Greatest difference of a loss, by the greatest loss, or of a gradient, by the greatest of its
   * row; infinite where a column that means nothing has a gradient.
   */
  static double off(ComputeDevice place, Dtype dtype, long classes) {
    long columns = (classes + 63) / 64 * 64;
    try (PointerScope scope = new PointerScope();
        Device device = place.open();
        CrossEntropyKernel kernel = new CrossEntropyKernel(place, dtype.scalarType())) {
      Tensor logits =
          torch
              .empty(new long[] {ROWS, columns}, new TensorOptions(ScalarType.Float), null)
              .normal_(0, 4, new GeneratorOptional())
              .to(dtype.scalarType());
      Tensor targets = targets(classes);

      Tensor given = logits.to(device, dtype.scalarType());
      Tensor losses =
          kernel.run(given, targets.to(device, ScalarType.Long), classes, IGNORED, FACTOR);

      Tensor leaf =
          logits
              .narrow(1, 0, classes)
              .to(ScalarType.Float)
              .contiguous()
              .detach()
              .set_requires_grad(true);
      Tensor wanted = torch.cross_entropy_loss(leaf, targets, new TensorOptional(), 0, IGNORED, 0);
      wanted
          .sum()
          .backward(
              torch.full(new long[] {}, new Scalar(FACTOR), new TensorOptions(ScalarType.Float)),
              new BoolOptional(false),
              false,
              new TensorArrayRefOptional());
      Tensor gradient = leaf.grad();

      Tensor found = given.cpu().to(ScalarType.Float);
      if (columns > classes
          && found.narrow(1, classes, columns - classes).abs().max().item().toDouble() != 0) {
        return Double.POSITIVE_INFINITY;
      }
      double loss = relative(losses.cpu(), wanted.detach());
      double worst =
          loss * 1e2; // fp32 on both sides: a hundredth of what a 16-bit value may be off
      for (int row = 0; row < ROWS; row++) {
        worst =
            Math.max(
                worst,
                relative(found.select(0, row).narrow(0, 0, classes), gradient.select(0, row)));
      }
      return worst;
    }
  }

  private static Tensor targets(long classes) {
    Random random = new Random(7);
    long[] values = new long[ROWS];
    for (int i = 0; i < ROWS; i++) {
      values[i] = i % 5 == 3 ? IGNORED : (long) (random.nextDouble() * classes);
    }
    values[0] = 0;
    values[1] = classes - 1;
    return torch
        .from_blob(new LongPointer(values), new long[] {ROWS}, new TensorOptions(ScalarType.Long))
        .clone();
  }

  /** Greatest difference by the greatest value; what is no number is infinitely far off. */
  private static double relative(Tensor found, Tensor wanted) {
    double difference = found.sub(wanted).abs().max().item().toDouble();
    double greatest = wanted.abs().max().item().toDouble();
    return difference == 0
        ? 0
        : Double.isNaN(difference) ? Double.POSITIVE_INFINITY : difference / greatest;
  }
}
