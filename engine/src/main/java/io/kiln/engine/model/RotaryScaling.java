package io.kiln.engine.model;

/** How rotary frequencies are stretched for contexts longer than trained on. */
public sealed interface RotaryScaling {
  /** The frequency to use in place of the original one, in radians a position. */
  double stretch(double frequency);

  /** As they are. */
  record None() implements RotaryScaling {
    @Override
    public double stretch(double frequency) {
      return frequency;
    }
  }

  /** Every position divided by {@code factor} (Chen et al. 2023, arXiv:2306.15595). */
  record Linear(double factor) implements RotaryScaling {
    @Override
    public double stretch(double frequency) {
      return frequency / factor;
    }
  }

  /**
   * Llama 3.1's: long waves divided by {@code factor}, short ones left alone, a ramp between.
   *
   * @param factor division of the long waves
   * @param lowFrequencyFactor waves longer than {@code originalContext / this} are divided
   * @param highFrequencyFactor waves shorter than {@code originalContext / this} are left alone
   * @param originalContext positions trained on before the stretch
   */
  record Llama3(
      double factor, double lowFrequencyFactor, double highFrequencyFactor, long originalContext)
      implements RotaryScaling {
    @Override
    public double stretch(double frequency) {
      double wavesInContext = originalContext * frequency / (2 * Math.PI);
      if (wavesInContext > highFrequencyFactor) {
        return frequency;
      }
      if (wavesInContext < lowFrequencyFactor) {
        return frequency / factor;
      }
      double kept =
          (wavesInContext - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
      return (1 - kept) * frequency / factor + kept * frequency;
    }
  }
}
