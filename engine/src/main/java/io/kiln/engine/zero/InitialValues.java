package io.kiln.engine.zero;

import io.kiln.engine.model.ParameterSpec;
import org.bytedeco.pytorch.Tensor;

/** Says what a parameter is at first: the same on every rank, whatever their number. */
@FunctionalInterface
public interface InitialValues {
  /**
   * Overwrites {@code target} with a piece of the parameter.
   *
   * @param begin index in the parameter, seen as one row, of the piece's first element
   * @param target {@code [n]} fp32, contiguous, in host memory
   */
  void fill(ParameterSpec spec, long begin, Tensor target);
}
