package io.kiln.engine.infer;

import java.util.OptionalInt;

/**
 * How the next token is chosen.
 *
 * @param temperature what logits are divided by; 0 takes the likeliest token, the first of equals
 * @param topK only that many likeliest tokens are drawn from
 * @param seed of the draws: the same seed and prompt give the same text
 */
public record Sampling(double temperature, OptionalInt topK, long seed) {
  public Sampling {
    if (!(temperature >= 0) || Double.isInfinite(temperature)) {
      throw new IllegalArgumentException(
          "temperature must be at least 0 and finite, not " + temperature);
    }
    if (topK.isPresent() && topK.getAsInt() < 1) {
      throw new IllegalArgumentException("top_k must be at least 1, not " + topK.getAsInt());
    }
  }

  /** Always the likeliest token. */
  public static Sampling greedy() {
    return new Sampling(0, OptionalInt.empty(), 0);
  }

  /** Draws from all tokens at a temperature. */
  public static Sampling at(double temperature, long seed) {
    return new Sampling(temperature, OptionalInt.empty(), seed);
  }
}
