package io.kiln.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class DecoderTest {
  private static final int[][] TOKENS = {{3, 0, 7, 7, 10}, {1, 2, 9, 4, 3}};
  private static final int[][] TARGETS = {{0, 7, 7, 10, 1}, {-100, 9, 4, 3, -100}};

  static Stream<DecoderConfig> decoders() {
    return Stream.of(SmallDecoders.gpt2(), SmallDecoders.llama(), SmallDecoders.biasedLlama());
  }

  @ParameterizedTest
  @MethodSource("decoders")
  void logits_are_those_of_the_plain_computation(DecoderConfig config) {
    try (PointerScope scope = new PointerScope();
        Model model = config.model()) {
      BlockWalk walk = new BlockWalk(model, 1, ScalarType.Float);
      double[] got = BlockWalk.doubles(walk.forward(BlockWalk.tokens(TOKENS), Pass.evaluation()));
      PlainDecoder plain = new PlainDecoder(config, walk.plainWeights());
      double[] want =
          Stream.of(TOKENS)
              .flatMap(row -> Stream.of(plain.logits(row)))
              .flatMapToDouble(java.util.Arrays::stream)
              .toArray();
      assertArrayEquals(want, got, 2e-5);
    }
  }

  @ParameterizedTest
  @MethodSource("decoders")
  void gradients_are_the_finite_differences_of_the_plain_computation(DecoderConfig config) {
    try (PointerScope scope = new PointerScope();
        Model model = config.model()) {
      BlockWalk walk = new BlockWalk(model, 2, ScalarType.Float);
      double loss =
          walk.step(BlockWalk.tokens(TOKENS), BlockWalk.tokens(TARGETS), Pass.evaluation());
      Map<String, double[]> plain = walk.plainWeights();
      PlainDecoder decoder = new PlainDecoder(config, plain);
      assertEquals(decoder.loss(TOKENS, TARGETS), loss, 1e-4);
      double h = 1e-5;
      plain.forEach(
          (name, values) -> {
            double[] gradient = BlockWalk.doubles(walk.leaves.get(name).grad());
            int stride = Math.max(1, values.length / 17);
            for (int i = 0; i < values.length; i += stride) {
              double value = values[i];
              values[i] = value + h;
              double above = decoder.loss(TOKENS, TARGETS);
              values[i] = value - h;
              double below = decoder.loss(TOKENS, TARGETS);
              values[i] = value;
              double want = (above - below) / (2 * h);
              assertEquals(want, gradient[i], 2e-4 * (1 + Math.abs(want)), name + "[" + i + "]");
            }
          });
    }
  }

  @ParameterizedTest
  @MethodSource("decoders")
  void bf16_logits_are_near_the_fp32_ones(DecoderConfig config) {
    try (PointerScope scope = new PointerScope();
        Model model = config.model()) {
      BlockWalk walk = new BlockWalk(model, 1, ScalarType.BFloat16);
      Tensor logits = walk.forward(BlockWalk.tokens(TOKENS), Pass.evaluation());
      assertEquals(ScalarType.BFloat16, logits.scalar_type().intern());
      double[] got = BlockWalk.doubles(logits);
      PlainDecoder plain = new PlainDecoder(config, walk.plainWeights());
      double[] want =
          Stream.of(TOKENS)
              .flatMap(row -> Stream.of(plain.logits(row)))
              .flatMapToDouble(java.util.Arrays::stream)
              .toArray();
      assertArrayEquals(want, got, 0.12);
    }
  }

  @Test
  void a_tied_head_adds_its_gradient_to_the_embeddings() {
    DecoderConfig tied = SmallDecoders.gpt2();
    DecoderConfig untied =
        new DecoderConfig(
            tied.vocabulary(),
            tied.layers(),
            tied.hidden(),
            tied.longest(),
            tied.positions(),
            tied.normalization(),
            tied.attention(),
            tied.feedForward(),
            tied.dropout(),
            tied.initializerRange(),
            tied.scaledResiduals(),
            false,
            tied.names());
    try (PointerScope scope = new PointerScope();
        Model one = tied.model();
        Model two = untied.model()) {
      BlockWalk together = new BlockWalk(one, 3, ScalarType.Float);
      BlockWalk apart = new BlockWalk(two, 4, ScalarType.Float);
      together.leaves.forEach((name, leaf) -> apart.leaves.get(name).detach().copy_(leaf.detach()));
      apart
          .leaves
          .get("lm_head.weight")
          .detach()
          .copy_(together.leaves.get("transformer.wte.weight").detach());
      Tensor tokens = BlockWalk.tokens(TOKENS);
      Tensor targets = BlockWalk.tokens(TARGETS);
      together.step(tokens, targets, Pass.evaluation());
      apart.step(tokens, targets, Pass.evaluation());
      double[] sum =
          BlockWalk.doubles(
              apart
                  .leaves
                  .get("transformer.wte.weight")
                  .grad()
                  .add(apart.leaves.get("lm_head.weight").grad()));
      assertArrayEquals(
          sum, BlockWalk.doubles(together.leaves.get("transformer.wte.weight").grad()), 1e-4);
      assertEquals(
          List.of(new Borrowed(0, "transformer.wte.weight")),
          one.blocks().get(one.blocks().size() - 1).borrows());
    }
  }

  @Test
  void tables_outlive_the_pass_that_made_them_and_end_with_the_model() {
    SequenceTables tables = new SequenceTables(8, java.util.Optional.empty(), 4);
    Tensor mask;
    try (PointerScope scope = new PointerScope()) {
      mask = tables.causalMask(3, Tensor.create(new float[] {1}, 1));
    }
    double infinity = Double.NEGATIVE_INFINITY;
    assertArrayEquals(
        new double[] {0, infinity, infinity, 0, 0, infinity, 0, 0, 0}, BlockWalk.doubles(mask));
    tables.close();
    assertTrue(mask.isNull());
    tables.close();
  }

  @Test
  void longer_sequences_after_shorter_ones_see_the_same_tables() {
    DecoderConfig config = SmallDecoders.llama();
    try (PointerScope scope = new PointerScope();
        Model model = config.model()) {
      BlockWalk walk = new BlockWalk(model, 1, ScalarType.Float);
      PlainDecoder plain = new PlainDecoder(config, walk.plainWeights());
      for (int length : new int[] {2, 3, 8, 5}) {
        int[] ids = java.util.Arrays.copyOf(new int[] {1, 2, 3, 4, 5, 6, 7, 8}, length);
        double[] got =
            BlockWalk.doubles(walk.forward(BlockWalk.tokens(new int[][] {ids}), Pass.evaluation()));
        double[] want =
            Stream.of(plain.logits(ids)).flatMapToDouble(java.util.Arrays::stream).toArray();
        assertArrayEquals(want, got, 2e-5);
      }
    }
  }

  @Test
  void a_sequence_longer_than_the_positions_is_refused() {
    try (PointerScope scope = new PointerScope();
        Model model = SmallDecoders.gpt2().model()) {
      BlockWalk walk = new BlockWalk(model, 1, ScalarType.Float);
      Tensor tokens = BlockWalk.tokens(new int[][] {new int[9]});
      String message =
          assertThrows(
                  IllegalArgumentException.class, () -> walk.forward(tokens, Pass.evaluation()))
              .getMessage();
      assertEquals(
          "a sequence of 9 tokens is longer than the model's 8 positions: shorten it", message);
    }
  }

  @Test
  void gpt2_has_the_parameters_of_the_published_sizes() {
    DecoderConfig small =
        new DecoderConfig(
            50257,
            12,
            768,
            1024,
            new Positions.Learned(),
            new Normalization(Normalization.Kind.LAYER, 1e-5),
            new DecoderConfig.Attention(12, 12, 64, true, true, true),
            new DecoderConfig.FeedForward(3072, Activation.GELU_NEW, false, true),
            DecoderConfig.Dropouts.NONE,
            0.02,
            true,
            true,
            DecoderNames.GPT2);
    assertEquals(124_439_808L, small.model().parameterCount());
  }
}
