package io.kiln.engine.train.recovery;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.config.ConfigException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** Which checkpoints a run takes for those of its own model. */
class RunDescriptionTest {
  private static final String WHERE = "/ck/global_step4";
  private static final String MEND = ": give it the same, or start anew in another checkpoint_dir";
  private static final String GPT2 =
      "{'model': {'model_type': 'gpt2', 'vocab_size': 9, 'n_embd': 8, 'n_head': 2}}";
  private static final String MLP =
      """
      {'model': {'model_type': 'mlp', 'input_size': 2, 'hidden_sizes': [3], 'output_size': 1,
                 'activation': 'tanh'},
       'columns': {'feature_columns': ['x', 'y'], 'label_column': 'z'}}
      """;

  private static ObjectNode json(String text) {
    try {
      return (ObjectNode) new ObjectMapper().readTree(text.replace('\'', '"'));
    } catch (JsonProcessingException e) {
      throw new AssertionError(e);
    }
  }

  /** Holds one run's checkpoint against another run. */
  private static void goOn(ObjectNode checkpoint, ObjectNode run) {
    ObjectNode content = json("{}");
    new RunDescription(json("{'seed': 1}"), checkpoint).put(content);
    // As it is read back.
    new RunDescription(json("{'seed': 1}"), run).requireSame(WHERE, json(content.toString()));
  }

  private static String refusal(ObjectNode checkpoint, ObjectNode run) {
    return assertThrows(ConfigException.class, () -> goOn(checkpoint, run)).getMessage();
  }

  private static String refusal(String told, String part, String otherPart) {
    assertTrue(told.contains(part), told);
    goOn(json(told), json(told));
    return refusal(json(told), json(told.replace(part, otherPart)));
  }

  @Test
  void another_number_of_heads_is_another_model_though_its_parameters_have_the_same_shapes() {
    assertEquals(
        "training.resume: /ck/global_step4 is of another model: it has model.n_head 2, this one has"
            + " 4"
            + MEND,
        refusal(GPT2, "'n_head': 2", "'n_head': 4"));
  }

  @Test
  void another_activation_is_another_model() {
    assertEquals(
        "training.resume: /ck/global_step4 is of another model: it has model.activation \"tanh\","
            + " this one has \"relu\""
            + MEND,
        refusal(MLP, "tanh", "relu"));
  }

  @Test
  void columns_in_another_order_are_refused_and_so_is_another_label() {
    assertEquals(
        "training.resume: /ck/global_step4 is of a run with data.feature_columns [\"x\",\"y\"], this"
            + " one has [\"y\",\"x\"]"
            + MEND,
        refusal(MLP, "['x', 'y']", "['y', 'x']"));
    String label = refusal(MLP, "'label_column': 'z'", "'label_column': 'w'");
    assertTrue(label.contains("data.label_column \"z\", this one has \"w\""), label);
  }

  @Test
  void another_tokenizer_is_told_by_its_file() {
    ObjectNode run = json(GPT2);
    ObjectNode checkpoint = json(GPT2);
    // The check value of CRC-32C is that of the digits 1 to 9.
    checkpoint.putObject("tokenizer").put("words", bytes("123456789"));
    run.putObject("tokenizer").put("words", bytes("123456789"));
    goOn(checkpoint, run);
    run.putObject("tokenizer").put("words", bytes("12345678"));
    String other = refusal(checkpoint, run);
    assertTrue(
        other.contains("data.tokenizer's file words \"of 9 bytes, CRC-32C e3069283\""), other);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  @Test
  void a_default_that_is_spelled_out_is_no_difference() {
    String spelled =
        GPT2.replace(
            "'n_head': 2",
            "'n_head': 2, 'n_inner': 32, 'scale_attn_weights': true, 'layer_norm_epsilon': 0.00001,"
                + " 'activation_function': 'gelu_new', 'use_cache': false");
    goOn(json(GPT2), json(spelled));
    goOn(json(spelled), json(GPT2));
    String llama =
        "{'model': {'model_type': 'llama', 'vocab_size': 9, 'hidden_size': 8,"
            + " 'intermediate_size': 8, 'num_attention_heads': 2, THETA}}";
    goOn(
        json(llama.replace("THETA", "'rope_theta': 500")),
        json(llama.replace("THETA", "'rope_parameters': {'rope_theta': 500}")));
    String theta =
        refusal(
            json(llama.replace("THETA", "'rope_theta': 500")),
            json(llama.replace("THETA", "'rope_parameters': {'rope_theta': 600}")));
    assertTrue(theta.contains("model.rope_theta 500.0, this one has 600.0"), theta);
  }

  @Test
  void dropout_may_change_on_the_way() {
    goOn(json(GPT2), json(GPT2.replace("'n_head': 2", "'n_head': 2, 'resid_pdrop': 0.3")));
    goOn(json(MLP), json(MLP.replace("'tanh'", "'tanh', 'dropout': 0.5")));
  }

  @Test
  void what_a_checkpoint_does_not_tell_is_not_held_against_it() {
    goOn(json("{}"), json(MLP));
    goOn(json(GPT2), json("{}"));
    String unnamed = "{'columns': {'feature_columns': []}}";
    goOn(json(unnamed), json("{'columns': {'text_column': 'text', 'feature_columns': []}}"));
  }
}
