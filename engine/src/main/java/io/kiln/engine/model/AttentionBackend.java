package io.kiln.engine.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Which operators compute attention. Both give the same mathematics. */
public enum AttentionBackend {
  /** One call that never holds the whole matrix of scores. */
  FUSED,
  /** Product, mask, softmax, product. */
  SPELLED_OUT;

  /**
   * A choice and why it was made.
   *
   * @param reason one line for people
   */
  public record Choice(AttentionBackend backend, String reason) {}

  private static final Choice MASKED =
      new Choice(
          SPELLED_OUT, "dropout inside attention needs a mask that the fused call cannot take");
  private static final Choice CUDA = new Choice(FUSED, "CUDA has fused kernels for every dtype");
  private static final Choice CPU_FP32 =
      new Choice(
          FUSED, "the CPU's fused fp32 kernel skips the masked half and never stores scores");
  private static final Choice CPU_HALF =
      new Choice(
          SPELLED_OUT,
          "the CPU's fused kernel multiplies 16-bit floats in a naive loop; oneDNN's products do not");

  /**
   * Chooses by where and in what the queries are.
   *
   * @param query any query tensor
   * @param dropout whether probabilities are dropped out
   */
  public static Choice choose(Tensor query, boolean dropout) {
    return choose(query.scalar_type().intern(), query.is_cuda(), dropout);
  }

  /**
   * Chooses by dtype and device.
   *
   * @param type dtype of queries, keys and values
   * @param cuda whether they are on a GPU
   * @param dropout whether probabilities are dropped out
   */
  public static Choice choose(ScalarType type, boolean cuda, boolean dropout) {
    if (dropout) {
      return MASKED;
    }
    if (cuda) {
      return CUDA;
    }
    return type == ScalarType.BFloat16 || type == ScalarType.Half ? CPU_HALF : CPU_FP32;
  }
}
