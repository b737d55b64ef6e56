package io.kiln.engine.model;

import org.bytedeco.pytorch.Tensor;

/** What training makes small. */
public interface Objective {
  /**
   * Sum (not mean) of the losses over the valid targets: who calls divides by the number of valid
   * targets in the whole global batch, counted first.
   *
   * @param output the last block's, {@code [batch, time, vocabulary]} or {@code [batch, outputs]}
   * @param targets {@code [batch, time]} int64 with {@link #IGNORED} where there is none; class ids
   *     {@code [batch]} or values {@code [batch, outputs]} for feature models
   * @return a scalar, fp32
   */
  Tensor lossSum(Tensor output, Tensor targets);

  /** A target that does not count. */
  long IGNORED = -100;
}
