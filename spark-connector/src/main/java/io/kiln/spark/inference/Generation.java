package io.kiln.spark.inference;

import io.kiln.engine.infer.Sampling;
import java.io.Serializable;
import java.util.OptionalInt;

/**
 * How a language model continues a text.
 *
 * @param newTokens at the most
 * @param temperature 0 for always the likeliest token
 * @param seed of the draws; each text draws from its own position in the partition on
 */
public record Generation(int newTokens, double temperature, long seed) implements Serializable {
  public Generation {
    if (newTokens < 1) {
      throw new IllegalArgumentException("new tokens must be at least 1, not " + newTokens);
    }
    new Sampling(temperature, OptionalInt.empty(), seed);
  }

  /** Always the likeliest token. */
  public static Generation greedy(int newTokens) {
    return new Generation(newTokens, 0, 0);
  }

  Sampling sampling(long row) {
    return new Sampling(temperature, OptionalInt.empty(), seed + row);
  }
}
