package io.kiln.engine.model;

import java.util.List;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * Normalisation over the last dimension.
 *
 * @param kind which one
 * @param epsilon added to the variance (or mean square)
 */
public record Normalization(Kind kind, double epsilon) {
  /** The two that decoders use. */
  public enum Kind {
    /** Mean and variance, scale and offset (Ba et al. 2016, arXiv:1607.06450). */
    LAYER,
    /** Root mean square, scale only (Zhang and Sennrich 2019, arXiv:1910.07467). */
    RMS
  }

  /** Scale, and offset where the kind has one, of a normalisation called {@code name}. */
  List<ParameterSpec> parameters(String name, long size) {
    ParameterSpec weight =
        new ParameterSpec(
            name + ".weight", List.of(size), ParameterRole.NORM, new Initialization.Constant(1));
    return switch (kind) {
      case RMS -> List.of(weight);
      case LAYER ->
          List.of(
              weight,
              new ParameterSpec(
                  name + ".bias",
                  List.of(size),
                  ParameterRole.NORM,
                  new Initialization.Constant(0)));
    };
  }

  Tensor apply(Weights weights, String name, Tensor x) {
    long[] size = {x.size(x.dim() - 1)};
    TensorOptional weight = new TensorOptional(weights.get(name + ".weight"));
    return switch (kind) {
      case LAYER ->
          torch.layer_norm(
              x, size, weight, new TensorOptional(weights.get(name + ".bias")), epsilon, false);
      case RMS -> torch.rms_norm(x, size, weight, new DoubleOptional(epsilon));
    };
  }
}
