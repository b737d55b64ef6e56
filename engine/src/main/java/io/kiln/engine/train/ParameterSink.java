package io.kiln.engine.train;

import io.kiln.engine.model.ParameterSpec;
import org.bytedeco.pytorch.Tensor;

/** Takes the trained parameters one by one, on rank 0, block by block. */
@FunctionalInterface
public interface ParameterSink {
  /**
   * @param spec name and shape as the computation has them
   * @param value fp32, of that shape; valid during the call only
   */
  void accept(ParameterSpec spec, Tensor value);
}
