package io.kiln.it.bench;

import io.kiln.engine.tensor.Dtype;

/**
 * Bytes of model state that a rank holds by the ZeRO paper (Rajbhandari et al., "ZeRO: Memory
 * Optimizations Toward Training Trillion Parameter Models", 2020, sections 3.1 and 5), from the
 * number of parameters alone: nothing of the engine's goes into it.
 *
 * <p>With Adam a parameter takes 2 bytes, its gradient 2 and the optimizer 12 (fp32 value and two
 * moments) in mixed precision, 4, 4 and 8 in fp32. Stage 1 divides the optimizer's by the number of
 * ranks, stage 2 the gradients' too, stage 3 the parameters' too.
 */
record ZeroPaper(long parameters, long gradients, long optimizer) {
  /**
   * @param count of parameters
   * @param stage 0 to 3
   */
  static ZeroPaper of(long count, Dtype dtype, int stage, int ranks) {
    boolean mixed = dtype != Dtype.FP32;
    return new ZeroPaper(
        divided((mixed ? 2 : 4) * count, stage >= 3 ? ranks : 1),
        divided((mixed ? 2 : 4) * count, stage >= 2 ? ranks : 1),
        divided((mixed ? 12 : 8) * count, stage >= 1 ? ranks : 1));
  }

  private static long divided(long bytes, int parts) {
    return (bytes + parts - 1) / parts;
  }

  long total() {
    return parameters + gradients + optimizer;
  }
}
