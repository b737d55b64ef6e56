package io.kiln.engine.infer;

import java.util.Arrays;
import java.util.OptionalLong;

/**
 * Continues sequences of tokens one at a time. Each token runs the whole context again: there is no
 * cache of keys and values.
 */
public final class TextGenerator {
  private final LoadedModel model;
  private final long vocabulary;
  private final int choosable;
  private final int longest;

  /**
   * @param model a language model; stays its owner's
   * @param tokens of the tokenizer, at least one: a vocabulary that was padded has more ids, which
   *     stand for no text and are never chosen
   */
  public TextGenerator(LoadedModel model, int tokens) {
    if (tokens < 1) {
      throw new IllegalArgumentException("there is no token to choose: " + tokens);
    }
    this.model = model;
    this.vocabulary = model.requireDecoder().config().vocabulary();
    this.choosable = tokens;
    this.longest = (int) Math.min(Integer.MAX_VALUE, model.requireDecoder().config().longest());
  }

  /** Whether a prompt can be continued: it has a token, and none that the model does not know. */
  public boolean takes(long[] prompt) {
    return prompt.length > 0 && Arrays.stream(prompt).allMatch(t -> t >= 0 && t < vocabulary);
  }

  /**
   * Continues a prompt. When prompt and continuation outgrow the model's positions, the oldest
   * tokens are left out of sight.
   *
   * @param prompt at least one token
   * @param newTokens how many at the most
   * @param stop a token after which nothing is generated
   * @return the continuation alone, the stop token included
   */
  public long[] generate(long[] prompt, int newTokens, Sampling sampling, OptionalLong stop) {
    if (prompt.length == 0) {
      throw new IllegalArgumentException("a prompt needs at least one token");
    }
    for (long token : prompt) {
      if (token < 0 || token >= vocabulary) {
        throw new IllegalArgumentException(
            "token " + token + " of the prompt is outside the vocabulary of " + vocabulary);
      }
    }
    TokenChoice choice = new TokenChoice(sampling, choosable);
    long[] all = Arrays.copyOf(prompt, Math.addExact(prompt.length, newTokens));
    int length = prompt.length;
    while (length < all.length) {
      long[] context = Arrays.copyOfRange(all, Math.max(0, length - longest), length);
      all[length++] = choice.choose(model.nextLogits(context));
      if (stop.isPresent() && all[length - 1] == stop.getAsLong()) {
        break;
      }
    }
    return Arrays.copyOfRange(all, prompt.length, length);
  }
}
