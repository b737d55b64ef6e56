package io.kiln.engine.model.family;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.engine.config.ConfigException;
import io.kiln.engine.model.Activation;
import io.kiln.engine.model.CrossEntropy;
import io.kiln.engine.model.DecoderConfig;
import io.kiln.engine.model.MeanSquaredError;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.Normalization;
import io.kiln.engine.model.ParameterSpec;
import io.kiln.engine.model.Rotary;
import io.kiln.engine.model.RotaryScaling;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class ModelFamiliesTest {
  private static ModelDefinition parse(String json, DataSizes data) {
    try {
      JsonNode node = new ObjectMapper().readTree(json.replace('\'', '"'));
      return ModelFamilies.parse("model", node, data);
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      throw new AssertionError(e);
    }
  }

  private static String refusal(String json, DataSizes data) {
    return assertThrows(ConfigException.class, () -> parse(json, data)).getMessage();
  }

  private static DecoderConfig decoder(String json) {
    return assertInstanceOf(DecoderDefinition.class, parse(json, DataSizes.unknown())).config();
  }

  /** The published config.json of gpt2, all its keys. */
  private static final String GPT2 =
      """
      {'activation_function': 'gelu_new', 'architectures': ['GPT2LMHeadModel'], 'attn_pdrop': 0.1,
       'bos_token_id': 50256, 'embd_pdrop': 0.1, 'eos_token_id': 50256, 'initializer_range': 0.02,
       'layer_norm_epsilon': 1e-05, 'model_type': 'gpt2', 'n_ctx': 1024, 'n_embd': 768,
       'n_head': 12, 'n_layer': 12, 'n_positions': 1024, 'resid_pdrop': 0.1,
       'summary_activation': null, 'summary_first_dropout': 0.1, 'summary_proj_to_labels': true,
       'summary_type': 'cls_index', 'summary_use_proj': true,
       'task_specific_params': {'text-generation': {'do_sample': true, 'max_length': 50}},
       'vocab_size': 50257}
      """;

  /** Llama 3.2's, with its rotary scaling and grouped heads. */
  private static final String LLAMA =
      """
      {'architectures': ['LlamaForCausalLM'], 'attention_bias': false, 'attention_dropout': 0.0,
       'bos_token_id': 128000, 'eos_token_id': 128001, 'head_dim': 64, 'hidden_act': 'silu',
       'hidden_size': 2048, 'initializer_range': 0.02, 'intermediate_size': 8192,
       'max_position_embeddings': 131072, 'mlp_bias': false, 'model_type': 'llama',
       'num_attention_heads': 32, 'num_hidden_layers': 16, 'num_key_value_heads': 8,
       'pretraining_tp': 1, 'rms_norm_eps': 1e-05,
       'rope_scaling': {'factor': 32.0, 'high_freq_factor': 4.0, 'low_freq_factor': 1.0,
         'original_max_position_embeddings': 8192, 'rope_type': 'llama3'},
       'rope_theta': 500000.0, 'tie_word_embeddings': true, 'torch_dtype': 'bfloat16',
       'transformers_version': '4.45.0.dev0', 'use_cache': true, 'vocab_size': 128256}
      """;

  @Test
  void the_published_gpt2_has_its_124_million_parameters_and_file_shapes() {
    ModelDefinition gpt2 = parse(GPT2, DataSizes.unknown());
    try (Model model = gpt2.model()) {
      assertEquals(124_439_808L, model.parameterCount());
      Map<String, List<Long>> file =
          HuggingFaceLayout.parameters(model)
              .collect(Collectors.toMap(ParameterSpec::name, gpt2.layout()::shape));
      assertEquals(148, file.size());
      assertEquals(List.of(50257L, 768L), file.get("transformer.wte.weight"));
      assertEquals(List.of(1024L, 768L), file.get("transformer.wpe.weight"));
      assertEquals(List.of(768L, 2304L), file.get("transformer.h.11.attn.c_attn.weight"));
      assertEquals(List.of(2304L), file.get("transformer.h.11.attn.c_attn.bias"));
      assertEquals(List.of(768L, 768L), file.get("transformer.h.0.attn.c_proj.weight"));
      assertEquals(List.of(768L, 3072L), file.get("transformer.h.0.mlp.c_fc.weight"));
      assertEquals(List.of(3072L, 768L), file.get("transformer.h.0.mlp.c_proj.weight"));
      assertEquals(List.of(768L), file.get("transformer.ln_f.bias"));
      assertFalse(file.containsKey("lm_head.weight"), "tied");
    }
  }

  @Test
  void the_published_llama_has_its_parameters_and_scaling() {
    ModelDefinition llama = parse(LLAMA, DataSizes.unknown());
    try (Model model = llama.model()) {
      assertEquals(1_235_814_400L, model.parameterCount());
      Map<String, List<Long>> file =
          HuggingFaceLayout.parameters(model)
              .collect(Collectors.toMap(ParameterSpec::name, llama.layout()::shape));
      assertEquals(List.of(512L, 2048L), file.get("model.layers.15.self_attn.k_proj.weight"));
      assertEquals(List.of(2048L, 8192L), file.get("model.layers.0.mlp.down_proj.weight"));
      assertEquals(List.of(2048L), file.get("model.norm.weight"));
    }
    DecoderConfig config = ((DecoderDefinition) llama).config();
    assertEquals(new Rotary(500000, new RotaryScaling.Llama3(32, 1, 4, 8192)), config.positions());
    assertEquals(new Normalization(Normalization.Kind.RMS, 1e-5), config.normalization());
  }

  @Test
  void missing_keys_have_hugging_faces_defaults() {
    DecoderConfig gpt2 = decoder("{'model_type':'gpt2','vocab_size':65}");
    assertEquals(new DecoderConfig.Dropouts(0.1, 0.1, 0.1), gpt2.dropout());
    assertEquals(12, gpt2.layers());
    assertEquals(768, gpt2.hidden());
    assertEquals(3072, gpt2.feedForward().inner());
    assertEquals(1024, gpt2.longest());
    assertTrue(gpt2.tiedHead());
    DecoderConfig llama = decoder("{'model_type':'llama','vocab_size':65}");
    assertEquals(32, llama.attention().keyValueHeads());
    assertEquals(128, llama.attention().size());
    assertEquals(11008, llama.feedForward().inner());
    assertEquals(new Rotary(10000, new RotaryScaling.None()), llama.positions());
    assertEquals(1e-6, llama.normalization().epsilon());
    assertFalse(llama.tiedHead());
  }

  @Test
  void newer_files_keep_the_rotary_values_in_one_object() {
    DecoderConfig llama =
        decoder(
            "{'model_type':'llama','vocab_size':65,"
                + "'rope_parameters':{'rope_type':'linear','factor':2,'rope_theta':500}}");
    assertEquals(new Rotary(500, new RotaryScaling.Linear(2)), llama.positions());
  }

  @Test
  void a_definition_survives_its_json() {
    for (String json : List.of(GPT2, LLAMA)) {
      ModelDefinition once = parse(json, DataSizes.unknown());
      ModelDefinition again = parse(once.toJson().toString(), DataSizes.unknown());
      assertEquals(once, again);
    }
    ModelDefinition small =
        parse("{'model_type':'gpt2','n_embd':8,'n_head':2}", DataSizes.ofTokens(65));
    assertEquals(65, small.toJson().get("vocab_size").asLong());
    assertEquals("GPT2LMHeadModel", small.toJson().get("architectures").get(0).asText());
    assertTrue(small.toJson().get("eos_token_id").isNull());
    assertEquals(small, parse(small.toJson().toString(), DataSizes.unknown()));
    ModelDefinition mlp =
        parse(
            "{'model_type':'mlp','hidden_sizes':[5,4],'activation':'tanh','num_labels':3,"
                + "'dropout':0.1}",
            DataSizes.ofFeatures(7, 3));
    assertEquals(mlp, parse(mlp.toJson().toString(), DataSizes.unknown()));
  }

  @Test
  void unknown_keys_and_values_are_refused_by_name() {
    assertEquals(
        "model: unknown key \"n_layers\": did you mean \"n_layer\"?",
        refusal("{'model_type':'gpt2','vocab_size':9,'n_layers':3}", DataSizes.unknown()));
    assertEquals(
        "model.model_type: there is no \"gtp2\": did you mean \"gpt2\"?",
        refusal("{'model_type':'gtp2'}", DataSizes.unknown()));
    assertEquals(
        "model.n_embd: is 10, which n_head 4 does not divide",
        refusal(
            "{'model_type':'gpt2','vocab_size':9,'n_embd':10,'n_head':4}", DataSizes.unknown()));
    assertEquals(
        "model.rope_scaling.rope_type: \"yarn\" is not supported: use default, linear or llama3",
        refusal(
            "{'model_type':'llama','vocab_size':9,'rope_scaling':{'rope_type':'yarn'}}",
            DataSizes.unknown()));
    assertEquals(
        "model.scale_attn_by_inverse_layer_idx: only false is supported",
        refusal(
            "{'model_type':'gpt2','vocab_size':9,'scale_attn_by_inverse_layer_idx':true}",
            DataSizes.unknown()));
    assertTrue(
        refusal(
                "{'model_type':'gpt2','vocab_size':9,'activation_function':'mish'}",
                DataSizes.unknown())
            .startsWith("model.activation_function: unknown activation \"mish\""));
    assertEquals(
        "model.num_key_value_heads: is 3, which does not divide num_attention_heads 4",
        refusal(
            "{'model_type':'llama','vocab_size':9,'hidden_size':8,'num_attention_heads':4,"
                + "'num_key_value_heads':3}",
            DataSizes.unknown()));
  }

  @Test
  void the_tokenizer_decides_a_missing_vocabulary_and_may_not_exceed_a_given_one() {
    assertEquals(
        65,
        ((DecoderDefinition) parse("{'model_type':'gpt2'}", DataSizes.ofTokens(65)))
            .config()
            .vocabulary());
    assertEquals(
        128,
        ((DecoderDefinition)
                parse("{'model_type':'gpt2','vocab_size':128}", DataSizes.ofTokens(65)))
            .config()
            .vocabulary());
    assertEquals(
        "model.vocab_size: is 64, but the tokenizer has 65 tokens: leave it out or raise it",
        refusal("{'model_type':'gpt2','vocab_size':64}", DataSizes.ofTokens(65)));
    assertEquals(
        "model.vocab_size: is missing, and no tokenizer is there to decide it",
        refusal("{'model_type':'gpt2'}", DataSizes.unknown()));
  }

  @Test
  void a_perceptron_takes_its_ends_from_the_data() {
    PerceptronDefinition mlp =
        (PerceptronDefinition)
            parse("{'model_type':'mlp','hidden_sizes':[16]}", DataSizes.ofFeatures(4, 1));
    assertEquals(PerceptronDefinition.Problem.REGRESSION, mlp.problem());
    assertEquals(Activation.RELU, mlp.activation());
    assertEquals(4 * 16 + 16 + 16 + 1, mlp.model().parameterCount());
    assertInstanceOf(MeanSquaredError.class, mlp.model().objective());
    ModelDefinition classes =
        parse("{'model_type':'mlp','input_size':4,'num_labels':3}", DataSizes.unknown());
    assertInstanceOf(CrossEntropy.class, classes.model().objective());
    assertEquals(
        "model.input_size: is 5, but the data has 4",
        refusal("{'model_type':'mlp','input_size':5,'output_size':1}", DataSizes.ofFeatures(4, 1)));
    assertEquals(
        "model.input_size: is missing, and no data is there to decide it",
        refusal("{'model_type':'mlp','output_size':1}", DataSizes.unknown()));
    assertEquals(
        "model.num_labels: is missing, and no data is there to decide it:"
            + " give num_labels to tell classes apart, output_size to predict values",
        refusal("{'model_type':'mlp','input_size':4}", DataSizes.unknown()));
    assertEquals(
        "model.num_labels: is missing, and no data is there to decide it",
        refusal(
            "{'model_type':'mlp','input_size':4,'problem_type':'single_label_classification'}",
            DataSizes.unknown()));
    assertEquals(
        "model.output_size: is missing, and no data is there to decide it",
        refusal(
            "{'model_type':'mlp','input_size':4,'problem_type':'regression'}",
            DataSizes.unknown()));
  }
}
