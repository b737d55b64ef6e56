package io.kiln.engine.zero;

import io.kiln.engine.model.ParameterSpec;
import org.bytedeco.pytorch.Tensor;

/** Says what a parameter is at first: the same on every rank, whatever their number. */
@FunctionalInterface
public interface InitialValues {
  /** The whole parameter, fp32, of the spec's shape, in the caller's scope. */
  Tensor of(ParameterSpec spec);
}
