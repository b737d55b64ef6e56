package io.kiln.engine.kernel;

import io.kiln.engine.tensor.ComputeDevice;
import java.util.List;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Loss and gradient of a softmax's negative log-likelihood in one pass over 16-bit logits on a GPU,
 * the gradient in the logits' place. Belongs to one thread.
 */
public final class CrossEntropyKernel implements AutoCloseable {
  private static final int THREADS = 1024;

  /** Columns that are read at once. */
  private static final long VECTOR = 8;

  private final GpuKernel kernel;
  private final ScalarType type;

  /**
   * Compiles it.
   *
   * @param type bf16 or fp16
   * @throws KernelException if that cannot be done here
   */
  public CrossEntropyKernel(ComputeDevice device, ScalarType type) {
    this.type = type;
    this.kernel =
        new GpuKernel(
            "cross_entropy.cu",
            "crossEntropy",
            device,
            List.of("HALF=" + (type == ScalarType.Half ? 1 : 0), "THREADS=" + THREADS));
  }

  /** Whether the kernel takes these logits: 16-bit, on a GPU, rows that begin at full vectors. */
  public static boolean takes(Tensor logits) {
    ScalarType type = logits.scalar_type().intern();
    return logits.is_cuda()
        && (type == ScalarType.BFloat16 || type == ScalarType.Half)
        && logits.is_contiguous()
        && logits.numel() > 0
        && logits.size(logits.dim() - 1) % VECTOR == 0;
  }

  /**
   * Overwrites {@code logits} with the gradient of {@code factor} times the sum of the losses.
   *
   * @param logits {@code [..., columns]} as {@link #takes}, of the type this was compiled for
   * @param targets {@code [...]} int64 on the same GPU, one for each row
   * @param classes columns that count, from the first; the others' gradient is 0
   * @param ignored the target of a row that does not count
   * @return {@code [rows]} fp32, the losses in nats; NaN where a target is no class
   */
  public Tensor run(Tensor logits, Tensor targets, long classes, long ignored, double factor) {
    long columns = logits.size(logits.dim() - 1);
    long rows = logits.numel() / columns;
    if (!takes(logits)
        || logits.scalar_type().intern() != type
        || classes > columns
        || targets.numel() != rows
        || !targets.is_cuda()
        || targets.scalar_type().intern() != ScalarType.Long) {
      throw new IllegalArgumentException("these are not this kernel's logits and targets");
    }
    Tensor losses =
        torch.empty(
            new long[] {rows},
            new TensorOptions(ScalarType.Float).device(new DeviceOptional(logits.device())),
            null);
    Tensor wanted = targets.contiguous();
    kernel.launch(rows, THREADS, logits, wanted, losses, columns, classes, ignored, (float) factor);
    return losses;
  }

  @Override
  public void close() {
    kernel.close();
  }
}
