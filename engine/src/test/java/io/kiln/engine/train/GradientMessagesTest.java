package io.kiln.engine.train;

import static io.kiln.engine.train.SmallTraining.BATCH;
import static io.kiln.engine.train.SmallTraining.TIED;
import static io.kiln.engine.train.SmallTraining.TIME;
import static io.kiln.engine.train.SmallTraining.VOCABULARY;
import static io.kiln.engine.train.SmallTraining.config;
import static io.kiln.engine.train.SmallTraining.model;
import static io.kiln.engine.train.SmallTraining.training;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.LocalRanks;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.comm.RecordingCommunicator;
import io.kiln.engine.model.Model;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a gradient looks like while it crosses between ranks: its dtype and its size. */
class GradientMessagesTest {
  private static final int RANKS = 2;

  private record Message(ScalarType type, float[] values) {}

  /** One step's messages of a rank, and the norm that it reports of the gradient. */
  private record Outcome(List<Message> messages, double gradientNorm) {}

  private static List<Outcome> step(ObjectNode config) {
    return LocalRanks.run(RANKS, communicator -> step(config, communicator));
  }

  private static Outcome step(ObjectNode config, Communicator communicator) throws Exception {
    List<Message> messages = new ArrayList<>();
    Communicator recording =
        new RecordingCommunicator(
            communicator, Long::toString, event -> {}, message -> messages.add(message(message)));
    try (Model model = model(TIED);
        Training training = training(model, config, recording);
        RandomTokens source =
            new RandomTokens(communicator, BATCH, microBatch(config), TIME, VOCABULARY)) {
      return new Outcome(messages, training.step(source).gradientNorm());
    }
  }

  private static int microBatch(ObjectNode config) {
    return BATCH / RANKS / config.get("gradient_accumulation_steps").asInt();
  }

  private static Message message(Tensor tensor) {
    try (PointerScope scope = new PointerScope()) {
      return new Message(
          tensor.scalar_type().intern(), PlainTraining.floats(tensor.to(ScalarType.Float)));
    }
  }

  /** L2 norm of the sum over ranks of what was sent. */
  private static double sentNorm(List<Outcome> ranks) {
    double squares = 0;
    for (int m = 0; m < ranks.get(0).messages().size(); m++) {
      float[] own = ranks.get(0).messages().get(m).values();
      float[] other = ranks.get(1).messages().get(m).values();
      for (int i = 0; i < own.length; i++) {
        double sum = (double) own[i] + other[i];
        squares += sum * sum;
      }
    }
    return Math.sqrt(squares);
  }

  /**
   * DeepSpeed 0.19.6, {@code allreduce_bucket}: each rank's mean is divided by the number of ranks
   * before the sum where {@code prescale_gradients} says so, and by {@code
   * gradient_predivide_factor} where not. The sum of two ranks' means is twice the gradient.
   */
  @ParameterizedTest
  @CsvSource({
    "0, false, 1, 2", "0, false, 4, 0.5", "0, true, 1, 1", "0, true, 4, 1",
    "3, false, 1, 2", "3, false, 4, 0.5", "3, true, 1, 1", "3, true, 4, 1",
  })
  void the_sum_of_the_messages_is_the_gradient_times_what_is_left_of_the_ranks(
      int stage, boolean prescale, double predivide, double times) throws Exception {
    ObjectNode config = config(stage, 1);
    config.put("prescale_gradients", prescale).put("gradient_predivide_factor", predivide);
    List<Outcome> ranks = step(config);
    double gradientNorm = ranks.get(0).gradientNorm();
    assertEquals(step(config(stage, 1)).get(0).gradientNorm(), gradientNorm, 1e-5 * gradientNorm);
    assertEquals(times * gradientNorm, sentNorm(ranks), 1e-5 * times * gradientNorm);
  }

  @ParameterizedTest
  @CsvSource({
    // What autograd computes travels as it is, but a sum of micro-batches is fp32.
    "fp32, , 0, 1, Float", "bf16, , 0, 1, BFloat16", "bf16, , 2, 2, BFloat16",
    "bf16, , 3, 1, BFloat16", "bf16, , 0, 2, Float", "bf16, , 1, 2, Float",
    "fp32, bf16, 0, 1, BFloat16", "fp32, bf16, 1, 2, BFloat16", "fp32, fp16, 2, 1, Half",
    "fp32, bf16, 3, 2, BFloat16", "bf16, fp32, 0, 1, Float", "bf16, fp32, 3, 1, Float",
    "bf16, bf16, 1, 2, BFloat16",
  })
  void every_message_is_of_the_communication_data_type(
      String dtype, String dataType, int stage, int accumulation, ScalarType expected)
      throws Exception {
    ObjectNode config = config(stage, accumulation);
    config.putObject("bf16").put("enabled", dtype.equals("bf16"));
    if (dataType != null) {
      config.put("communication_data_type", dataType);
    }
    for (Outcome rank : step(config)) {
      assertFalse(rank.messages().isEmpty());
      rank.messages().forEach(message -> assertEquals(expected, message.type()));
    }
  }
}
