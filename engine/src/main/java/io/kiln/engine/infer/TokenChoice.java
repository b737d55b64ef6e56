package io.kiln.engine.infer;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Chooses token after token from the first logits; those behind them are of tokens without text.
 */
final class TokenChoice {
  private final Sampling sampling;
  private final int tokens;
  private final SplittableRandom random;

  /**
   * @param tokens how many there are to choose among: ids from there on are never chosen
   */
  TokenChoice(Sampling sampling, int tokens) {
    this.sampling = sampling;
    this.tokens = tokens;
    this.random = new SplittableRandom(sampling.seed());
  }

  /**
   * @param all {@code [vocabulary]}
   */
  int choose(float[] all) {
    float[] logits = all.length > tokens ? Arrays.copyOf(all, tokens) : all;
    int best = 0;
    for (int i = 0; i < logits.length; i++) {
      if (Float.isNaN(logits[i])) {
        throw new IllegalStateException(
            "the logit of token " + i + " is not a number: the model's values are broken");
      }
      if (logits[i] > logits[best]) {
        best = i;
      }
    }
    if (sampling.temperature() == 0) {
      return best;
    }
    float least = least(logits);
    double total = 0;
    double[] share = new double[logits.length];
    for (int i = 0; i < logits.length; i++) {
      if (logits[i] >= least) {
        share[i] = Math.exp(((double) logits[i] - logits[best]) / sampling.temperature());
        total += share[i];
      }
    }
    double point = random.nextDouble() * total;
    int last = best;
    for (int i = 0; i < share.length; i++) {
      if (share[i] > 0) {
        last = i;
        point -= share[i];
        if (point < 0) {
          return i;
        }
      }
    }
    return last;
  }

  /** The smallest logit that is drawn from; ties with it are drawn from too. */
  private float least(float[] logits) {
    int k = sampling.topK().orElse(logits.length);
    if (k >= logits.length) {
      return Float.NEGATIVE_INFINITY;
    }
    float[] sorted = logits.clone();
    Arrays.sort(sorted);
    return sorted[logits.length - k];
  }
}
