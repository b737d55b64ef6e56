package io.kiln.engine.model;

/**
 * Rotary position embedding (Su et al. 2021, arXiv:2104.09864), pairing feature i with feature i +
 * d/2 as Hugging Face's llama does.
 *
 * @param theta base of the frequencies {@code theta^(-2i/d)}
 * @param scaling how the frequencies are stretched for contexts longer than trained on
 */
public record Rotary(double theta, RotaryScaling scaling) implements Positions {
  /** Angle a position, {@code [d/2]}, in radians. */
  double[] frequencies(long headSize) {
    double[] frequencies = new double[(int) (headSize / 2)];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = scaling.stretch(Math.pow(theta, -2.0 * i / headSize));
    }
    return frequencies;
  }
}
