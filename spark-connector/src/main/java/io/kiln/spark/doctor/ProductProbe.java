package io.kiln.spark.doctor;

import java.util.Locale;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Main class of a child process: loads libtorch and times products of 1,024 x 1,024 matrices on one
 * thread. Prints {@code load_ms=… fp32=… bf16=…} (GFLOP/s); OpenBLAS prints its kernel beside it
 * when OPENBLAS_VERBOSE is 2.
 */
public final class ProductProbe {
  private static final int SIZE = 1024;
  private static final int WARM = 3;
  private static final int TIMED = 12;

  private ProductProbe() {}

  /** The process's entry. */
  public static void main(String[] arguments) {
    long begin = System.nanoTime();
    torch.set_num_threads(1);
    long loaded = System.nanoTime();
    System.out.printf(
        Locale.ROOT,
        "load_ms=%d fp32=%.1f bf16=%.1f%n",
        (loaded - begin) / 1_000_000,
        gigaflops(torch.ScalarType.Float),
        gigaflops(torch.ScalarType.BFloat16));
  }

  private static double gigaflops(torch.ScalarType type) {
    try (PointerScope scope = new PointerScope()) {
      Tensor a = torch.rand(new long[] {SIZE, SIZE}).to(type);
      Tensor b = torch.rand(new long[] {SIZE, SIZE}).to(type);
      double best = Double.MAX_VALUE;
      for (int i = 0; i < WARM + TIMED; i++) {
        long begin = System.nanoTime();
        torch.mm(a, b).close();
        if (i >= WARM) {
          best = Math.min(best, System.nanoTime() - begin);
        }
      }
      return 2.0 * SIZE * SIZE * SIZE / best;
    }
  }
}
