package io.kiln.engine.infer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class TextGeneratorTest {
  private static final long[] PROMPT = {3, 1, 4};

  private static long[] generate(LoadedModel model, long[] prompt, int count, Sampling sampling) {
    return new TextGenerator(model, 17).generate(prompt, count, sampling, OptionalLong.empty());
  }

  @Test
  void greedy_text_is_the_loop_of_the_likeliest_token_over_the_visible_context()
      throws IOException {
    for (String json : new String[] {LoadedModelTest.GPT2, LoadedModelTest.LLAMA}) {
      try (LoadedModel model = LoadedModelTest.initial(json)) {
        long[] all = PROMPT;
        for (int step = 0; step < 8; step++) {
          // Six positions: later steps see the last six tokens.
          long[] seen = Arrays.copyOfRange(all, Math.max(0, all.length - 6), all.length);
          float[] logits = model.nextLogits(seen);
          int best = 0;
          for (int i = 1; i < logits.length; i++) {
            best = logits[i] > logits[best] ? i : best;
          }
          all = Arrays.copyOf(all, all.length + 1);
          all[all.length - 1] = best;
        }
        assertArrayEquals(
            Arrays.copyOfRange(all, 3, 11), generate(model, PROMPT, 8, Sampling.greedy()));
      }
    }
  }

  @Test
  void a_seed_repeats_its_text_and_another_does_not() throws IOException {
    try (LoadedModel model = LoadedModelTest.initial(LoadedModelTest.GPT2)) {
      long[] first = generate(model, PROMPT, 24, Sampling.at(1, 7));
      assertArrayEquals(first, generate(model, PROMPT, 24, Sampling.at(1, 7)));
      assertFalse(Arrays.equals(first, generate(model, PROMPT, 24, Sampling.at(1, 8))));
      assertTrue(Arrays.stream(first).allMatch(t -> t >= 0 && t < 17));
    }
  }

  @Test
  void the_one_likeliest_token_is_greedy() throws IOException {
    try (LoadedModel model = LoadedModelTest.initial(LoadedModelTest.GPT2)) {
      assertArrayEquals(
          generate(model, PROMPT, 6, Sampling.greedy()),
          generate(model, PROMPT, 6, new Sampling(1, OptionalInt.of(1), 3)));
    }
  }

  @Test
  void generation_ends_after_the_stop_token() throws IOException {
    try (LoadedModel model = LoadedModelTest.initial(LoadedModelTest.GPT2)) {
      long[] free = generate(model, PROMPT, 6, Sampling.greedy());
      long[] stopped =
          new TextGenerator(model, 17)
              .generate(PROMPT, 6, Sampling.greedy(), OptionalLong.of(free[0]));
      assertArrayEquals(new long[] {free[0]}, stopped);
    }
  }

  @Test
  void draws_follow_the_softmax_at_the_temperature() {
    float[] logits = {1, 0, Float.NEGATIVE_INFINITY, 2};
    double temperature = 2;
    double total = Math.exp(0.5) + 1 + Math.exp(1);
    double[] want = {Math.exp(0.5) / total, 1 / total, 0, Math.exp(1) / total};
    TokenChoice choice = new TokenChoice(Sampling.at(temperature, 1), 4);
    int draws = 40_000;
    int[] count = new int[4];
    for (int i = 0; i < draws; i++) {
      count[choice.choose(logits)]++;
    }
    for (int i = 0; i < 4; i++) {
      assertEquals(want[i], count[i] / (double) draws, 0.0125);
    }
    TokenChoice two = new TokenChoice(new Sampling(temperature, OptionalInt.of(2), 1), 4);
    for (int i = 0; i < 200; i++) {
      int token = two.choose(logits);
      assertTrue(token == 0 || token == 3, "token " + token);
    }
  }

  @Test
  void ids_that_stand_for_no_token_are_never_chosen() {
    // Two tokens; the padding behind them is likelier than both.
    float[] logits = {0, 1, 5, 9};
    assertEquals(1, new TokenChoice(Sampling.greedy(), 2).choose(logits));
    // Softmax of (0, 1): were the padding drawn from, it would have all but 1 in 500 of the draws.
    TokenChoice drawn = new TokenChoice(Sampling.at(1, 1), 2);
    int second = 0;
    for (int i = 0; i < 10_000; i++) {
      int token = drawn.choose(logits);
      assertTrue(token < 2, "token " + token);
      second += token;
    }
    assertEquals(Math.E / (1 + Math.E), second / 10_000.0, 0.02);
    // Nor does the padding take the place of a token among the likeliest.
    TokenChoice likeliest = new TokenChoice(new Sampling(1, OptionalInt.of(1), 1), 2);
    assertEquals(1, likeliest.choose(logits));
  }

  @Test
  void a_padded_vocabulary_continues_texts_with_the_tokenizers_tokens_alone() throws IOException {
    try (LoadedModel model = LoadedModelTest.initial(LoadedModelTest.GPT2)) {
      TextGenerator padded = new TextGenerator(model, 5);
      for (Sampling sampling : List.of(Sampling.greedy(), Sampling.at(2, 7))) {
        long[] text = padded.generate(PROMPT, 24, sampling, OptionalLong.empty());
        assertTrue(Arrays.stream(text).allMatch(t -> t >= 0 && t < 5), Arrays.toString(text));
      }
    }
  }

  @Test
  void a_prompt_is_taken_that_has_tokens_and_none_beyond_the_model() throws IOException {
    try (LoadedModel model = LoadedModelTest.initial(LoadedModelTest.GPT2)) {
      TextGenerator generator = new TextGenerator(model, 20);
      assertTrue(generator.takes(new long[] {0, 16}));
      assertFalse(generator.takes(new long[] {0, 17}));
      assertFalse(generator.takes(new long[] {-1}));
      assertFalse(generator.takes(new long[0]));
    }
  }

  @Test
  void broken_inputs_are_told_apart() throws IOException {
    try (LoadedModel model = LoadedModelTest.initial(LoadedModelTest.GPT2)) {
      assertEquals(
          "token 17 of the prompt is outside the vocabulary of 17",
          assertThrows(
                  IllegalArgumentException.class,
                  () -> generate(model, new long[] {17}, 1, Sampling.greedy()))
              .getMessage());
      assertThrows(
          IllegalArgumentException.class, () -> generate(model, new long[0], 1, Sampling.greedy()));
    }
    assertThrows(IllegalArgumentException.class, () -> Sampling.at(-1, 0));
    assertThrows(IllegalArgumentException.class, () -> Sampling.at(Double.NaN, 0));
    assertThrows(
        IllegalStateException.class,
        () -> new TokenChoice(Sampling.greedy(), 2).choose(new float[] {0, Float.NaN}));
  }
}
