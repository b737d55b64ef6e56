package io.kiln.engine.model;

import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Values of a block's parameters (own and borrowed) by name. Owns nothing: views of flat tensors.
 */
public final class Weights {
  private final Map<String, Tensor> byName;

  public Weights(Map<String, Tensor> byName) {
    this.byName = new LinkedHashMap<>(byName);
  }

  /**
   * @param name as in {@link ParameterSpec#name()}
   */
  public Tensor get(String name) {
    Tensor tensor = byName.get(name);
    if (tensor == null) {
      throw new IllegalArgumentException(
          "no parameter " + name + " among " + byName.keySet() + " in this block");
    }
    return tensor;
  }
}
