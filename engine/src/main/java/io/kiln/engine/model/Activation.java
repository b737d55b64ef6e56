package io.kiln.engine.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** The non-linearity of a feed-forward layer, with the names that Hugging Face configs use. */
public enum Activation {
  /**
   * GELU by the tanh approximation, {@code 0.5x(1 + tanh(sqrt(2/pi)(x + 0.044715x^3)))} (Hendrycks
   * and Gimpel 2016, arXiv:1606.08415).
   */
  GELU_NEW("gelu_new") {
    @Override
    Tensor apply(Tensor x) {
      return GeluTanh.apply(x);
    }
  },
  /** GELU by the error function, {@code x * Phi(x)}. */
  GELU("gelu") {
    @Override
    Tensor apply(Tensor x) {
      return torch.gelu(x);
    }
  },
  /** {@code max(x, 0)}. */
  RELU("relu") {
    @Override
    Tensor apply(Tensor x) {
      return torch.relu(x);
    }
  },
  /** {@code x * sigmoid(x)}. */
  SILU("silu") {
    @Override
    Tensor apply(Tensor x) {
      return torch.silu(x);
    }
  },
  /** Hyperbolic tangent. */
  TANH("tanh") {
    @Override
    Tensor apply(Tensor x) {
      return torch.tanh(x);
    }
  };

  private final String label;

  Activation(String label) {
    this.label = label;
  }

  /** Name in a Hugging Face {@code config.json}. */
  public String label() {
    return label;
  }

  /**
   * @param label as a Hugging Face config spells it; {@code gelu_pytorch_tanh} and {@code
   *     gelu_fast} are {@link #GELU_NEW}, {@code swish} is {@link #SILU}
   */
  public static Activation of(String label) {
    switch (label) {
      case "gelu_pytorch_tanh", "gelu_fast":
        return GELU_NEW;
      case "swish":
        return SILU;
      default:
        for (Activation activation : values()) {
          if (activation.label.equals(label)) {
            return activation;
          }
        }
        throw new IllegalArgumentException(
            "unknown activation \"" + label + "\"; known: gelu_new, gelu, relu, silu, tanh");
    }
  }

  abstract Tensor apply(Tensor x);
}
