package io.kiln.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.kiln.engine.tensor.NativeOwner;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;

/** Columns behind the vocabulary's change nothing that is trained or told. */
class LanguageModelHeadTest {
  private static final DecoderConfig CONFIG = SmallDecoders.gpt2();
  private static final long BATCH = 2;
  private static final long TIME = 5;

  /** What a head and its objective make of one input. */
  private record Outcome(long columns, double loss, double[] input, double[] table) {}

  private static Outcome train(HeadColumns columns) {
    try (PointerScope scope = new PointerScope();
        NativeOwner holder = new NativeOwner();
        CrossEntropy objective = new CrossEntropy(CONFIG.vocabulary())) {
      LanguageModelHead head = new LanguageModelHead(CONFIG, columns);
      torch.manual_seed(3);
      Tensor input = random(BATCH, TIME, CONFIG.hidden()).set_requires_grad(true);
      Tensor table = random(CONFIG.vocabulary(), CONFIG.hidden()).set_requires_grad(true);
      Tensor targets =
          torch.arange(new org.bytedeco.pytorch.Scalar(BATCH * TIME)).view(BATCH, TIME);
      targets.select(1, 2).fill_(new org.bytedeco.pytorch.Scalar(Objective.IGNORED));
      Tensor logits = head.forward(weights(table), input, new Pass(true, 0, 1, 0));
      Scored scored = objective.score(logits.detach(), targets, 0.25, holder);
      logits.backward(
          scored.gradient(),
          new org.bytedeco.pytorch.BoolOptional(false),
          false,
          new org.bytedeco.pytorch.TensorArrayRefOptional());
      return new Outcome(
          logits.size(2),
          scored.lossSum(),
          BlockWalk.doubles(input.grad()),
          BlockWalk.doubles(table.grad()));
    }
  }

  private static Tensor random(long... size) {
    return torch
        .empty(size, new TensorOptions(ScalarType.Float), null)
        .normal_(0, 1, new GeneratorOptional());
  }

  private static Weights weights(Tensor table) {
    long hidden = CONFIG.hidden();
    return new Weights(
        Map.of(
            CONFIG.names().finalNorm() + ".weight",
            torch.ones(new long[] {hidden}, new TensorOptions(ScalarType.Float)),
            CONFIG.names().finalNorm() + ".bias",
            torch.zeros(new long[] {hidden}, new TensorOptions(ScalarType.Float)),
            CONFIG.names().tokenEmbedding(),
            table));
  }

  @Test
  void training_is_the_same_with_columns_behind_the_vocabulary() {
    Outcome plain = train((input, vocabulary) -> vocabulary);
    Outcome wide = train((input, vocabulary) -> vocabulary + 27);
    assertEquals(CONFIG.vocabulary(), plain.columns());
    assertEquals(CONFIG.vocabulary() + 27, wide.columns());
    assertEquals(plain.loss(), wide.loss(), 1e-5);
    assertArrayEquals(plain.input(), wide.input(), 1e-6);
    assertArrayEquals(plain.table(), wide.table(), 1e-6);
  }

  @Test
  void outside_training_nobody_sees_them() {
    try (PointerScope scope = new PointerScope()) {
      LanguageModelHead plain = new LanguageModelHead(CONFIG, (input, vocabulary) -> vocabulary);
      LanguageModelHead wide = new LanguageModelHead(CONFIG, (input, vocabulary) -> vocabulary + 1);
      Tensor input = random(BATCH, TIME, CONFIG.hidden());
      Weights weights = weights(random(CONFIG.vocabulary(), CONFIG.hidden()));
      assertArrayEquals(
          BlockWalk.doubles(plain.forward(weights, input, Pass.evaluation())),
          BlockWalk.doubles(wide.forward(weights, input, Pass.evaluation()).contiguous()),
          1e-6);
    }
  }

  @Test
  void on_a_processor_no_column_is_added() {
    try (PointerScope scope = new PointerScope()) {
      Tensor input = random(1, 512, 4).to(ScalarType.BFloat16);
      assertEquals(50257, HeadColumns.FASTEST.of(input, 50257));
    }
  }
}
