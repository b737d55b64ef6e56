package io.kiln.engine.infer;

import io.kiln.engine.model.ParameterSpec;
import java.io.IOException;
import org.bytedeco.pytorch.Tensor;

/** Where a model's values come from. */
@FunctionalInterface
public interface ParameterSource {
  /**
   * Writes a parameter's values.
   *
   * @param target fp32, of the spec's shape, contiguous
   */
  void fill(ParameterSpec spec, Tensor target) throws IOException;
}
