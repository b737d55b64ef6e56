package io.kiln.engine.model;

import java.util.List;

/**
 * A parameter before it has a value.
 *
 * @param name Hugging Face's full name, such as {@code transformer.h.0.attn.c_attn.weight}; unique
 *     in a model, and what patterns of parameter groups are matched with
 * @param shape as the computation uses it (a Hugging Face file may hold it transposed)
 * @param role what it is to the computation
 * @param initialization how its first value is drawn
 */
public record ParameterSpec(
    String name, List<Long> shape, ParameterRole role, Initialization initialization) {
  public ParameterSpec {
    shape = List.copyOf(shape);
    if (shape.isEmpty() || shape.stream().anyMatch(n -> n <= 0)) {
      throw new IllegalArgumentException("parameter " + name + " has the empty shape " + shape);
    }
  }

  /** Number of elements. */
  public long elements() {
    return shape.stream().mapToLong(Long::longValue).reduce(1, Math::multiplyExact);
  }
}
