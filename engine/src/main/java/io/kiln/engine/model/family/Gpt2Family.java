package io.kiln.engine.model.family;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.config.JsonSection;
import io.kiln.engine.model.Activation;
import io.kiln.engine.model.DecoderConfig;
import io.kiln.engine.model.DecoderNames;
import io.kiln.engine.model.Normalization;
import io.kiln.engine.model.Positions;
import java.util.List;

/** GPT-2 (Radford et al. 2019) as Hugging Face configures it. */
final class Gpt2Family {
  private static final List<String> HARMLESS =
      List.of(
          "n_ctx",
          "summary_type",
          "summary_use_proj",
          "summary_activation",
          "summary_proj_to_labels",
          "summary_first_dropout",
          "reorder_and_upcast_attn");

  private Gpt2Family() {}

  static DecoderDefinition parse(JsonSection section, JsonNode given, DataSizes data) {
    long vocabulary = CommonKeys.vocabulary(section, data.vocabulary());
    // Very old files say n_ctx alone.
    long context = section.wholeFrom(1, "n_ctx", 1024);
    long positions = section.wholeFrom(1, "n_positions", context);
    long hidden = section.wholeFrom(1, "n_embd", 768);
    int layers = section.integerFrom(1, "n_layer", 12);
    int heads = section.integerFrom(1, "n_head", 12);
    if (hidden % heads != 0) {
      throw section.error(
          "n_embd", "is " + hidden + ", which n_head " + heads + " does not divide");
    }
    long inner = section.wholeFrom(1, "n_inner", 4 * hidden);
    Activation activation =
        CommonKeys.activation(section, "activation_function", Activation.GELU_NEW);
    DecoderConfig.Dropouts dropout =
        new DecoderConfig.Dropouts(
            CommonKeys.probability(section, "embd_pdrop", 0.1),
            CommonKeys.probability(section, "attn_pdrop", 0.1),
            CommonKeys.probability(section, "resid_pdrop", 0.1));
    double epsilon = section.numberFrom(0, "layer_norm_epsilon", 1e-5);
    double range = section.numberFrom(0, "initializer_range", 0.02);
    boolean tied = section.flag("tie_word_embeddings", true);
    CommonKeys.requireFlag(section, "scale_attn_weights", true);
    CommonKeys.requireFlag(section, "scale_attn_by_inverse_layer_idx", false);
    CommonKeys.requireFlag(section, "add_cross_attention", false);
    CommonKeys.acceptHarmless(section, HARMLESS);
    section.finish();

    DecoderConfig config =
        new DecoderConfig(
            vocabulary,
            layers,
            hidden,
            positions,
            new Positions.Learned(),
            new Normalization(Normalization.Kind.LAYER, epsilon),
            new DecoderConfig.Attention(heads, heads, hidden / heads, true, true, true),
            new DecoderConfig.FeedForward(inner, activation, false, true),
            dropout,
            range,
            true,
            tied,
            DecoderNames.GPT2);

    ObjectNode function = JsonNodeFactory.instance.objectNode();
    function
        .put("model_type", "gpt2")
        .put("vocab_size", vocabulary)
        .put("n_positions", positions)
        .put("n_embd", hidden)
        .put("n_layer", layers)
        .put("n_head", heads)
        .put("n_inner", inner)
        .put("activation_function", activation.label())
        .put("layer_norm_epsilon", epsilon)
        .put("tie_word_embeddings", tied);
    ObjectNode json = CommonKeys.completed(given, "GPT2LMHeadModel");
    json.setAll(function);
    json.put("embd_pdrop", dropout.embedding())
        .put("attn_pdrop", dropout.attention())
        .put("resid_pdrop", dropout.residual())
        .put("initializer_range", range);
    return new DecoderDefinition(
        "gpt2", config, new HuggingFaceLayout(true, "transformer."), json, function);
  }
}
