package io.kiln.engine.train;

import org.bytedeco.pytorch.Tensor;

/** What the seam keeps of a block between its forward and its backward. */
public interface Kept extends AutoCloseable {
  /** The block's output, cut off from its graph; lives until {@link #close}. */
  Tensor output();

  /**
   * Runs the block's backward once, adding to its parameters' gradients.
   *
   * @param gradient of the loss by {@link #output()}
   * @return gradient of the loss by the block's input, in the caller's scope; undefined where the
   *     input has none (token ids)
   */
  Tensor backward(Tensor gradient);

  @Override
  void close();
}
