package io.kiln.engine.model.family;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.config.JsonSection;
import io.kiln.engine.model.Activation;
import io.kiln.engine.model.DecoderConfig;
import io.kiln.engine.model.DecoderNames;
import io.kiln.engine.model.Normalization;
import io.kiln.engine.model.Rotary;
import io.kiln.engine.model.RotaryScaling;
import java.util.List;
import java.util.Optional;

/** Llama (Touvron et al. 2023, arXiv:2302.13971; 3.1's rotary scaling) as Hugging Face has it. */
final class LlamaFamily {
  private static final List<String> HARMLESS = List.of("pretraining_tp");

  private LlamaFamily() {}

  static DecoderDefinition parse(JsonSection section, JsonNode given, DataSizes data) {
    long vocabulary = CommonKeys.vocabulary(section, data.vocabulary());
    long hidden = section.wholeFrom(1, "hidden_size", 4096);
    long inner = section.wholeFrom(1, "intermediate_size", 11008);
    int layers = section.integerFrom(1, "num_hidden_layers", 32);
    int heads = section.integerFrom(1, "num_attention_heads", 32);
    int keyValueHeads = section.integerFrom(1, "num_key_value_heads", heads);
    if (heads % keyValueHeads != 0) {
      throw section.error(
          "num_key_value_heads",
          "is " + keyValueHeads + ", which does not divide num_attention_heads " + heads);
    }
    if (!section.has("head_dim") && hidden % heads != 0) {
      throw section.error(
          "hidden_size",
          "is " + hidden + ", which num_attention_heads " + heads + " does not divide");
    }
    long headSize = section.wholeFrom(1, "head_dim", Math.max(1, hidden / heads));
    if (headSize % 2 != 0) {
      throw section.error("head_dim", "must be even for rotary positions, not " + headSize);
    }
    long positions = section.wholeFrom(1, "max_position_embeddings", 2048);
    double epsilon = section.numberFrom(0, "rms_norm_eps", 1e-6);
    Rotary rotary = rotary(section, positions);
    boolean attentionBias = section.flag("attention_bias", false);
    boolean feedForwardBias = section.flag("mlp_bias", false);
    Activation activation = CommonKeys.activation(section, "hidden_act", Activation.SILU);
    boolean tied = section.flag("tie_word_embeddings", false);
    double range = section.numberFrom(0, "initializer_range", 0.02);
    double dropout = CommonKeys.probability(section, "attention_dropout", 0);
    CommonKeys.acceptHarmless(section, HARMLESS);
    section.finish();

    DecoderConfig config =
        new DecoderConfig(
            vocabulary,
            layers,
            hidden,
            positions,
            rotary,
            new Normalization(Normalization.Kind.RMS, epsilon),
            new DecoderConfig.Attention(
                heads, keyValueHeads, headSize, false, attentionBias, attentionBias),
            new DecoderConfig.FeedForward(inner, activation, true, feedForwardBias),
            new DecoderConfig.Dropouts(0, dropout, 0),
            range,
            false,
            tied,
            DecoderNames.LLAMA);

    ObjectNode function = JsonNodeFactory.instance.objectNode();
    function
        .put("model_type", "llama")
        .put("vocab_size", vocabulary)
        .put("hidden_size", hidden)
        .put("intermediate_size", inner)
        .put("num_hidden_layers", layers)
        .put("num_attention_heads", heads)
        .put("num_key_value_heads", keyValueHeads)
        .put("head_dim", headSize)
        .put("max_position_embeddings", positions)
        .put("rms_norm_eps", epsilon)
        .put("attention_bias", attentionBias)
        .put("mlp_bias", feedForwardBias)
        .put("hidden_act", activation.label())
        .put("tie_word_embeddings", tied);
    ObjectNode json = CommonKeys.completed(given, "LlamaForCausalLM");
    json.setAll(function);
    json.put("initializer_range", range).put("attention_dropout", dropout);
    if (!json.hasNonNull("rope_parameters")) {
      json.put("rope_theta", rotary.theta());
    }
    // However it was spelled: three keys may say it.
    function.put("rope_theta", rotary.theta());
    function.set("rope_scaling", told(rotary.scaling()));
    return new DecoderDefinition("llama", config, HuggingFaceLayout.PLAIN, json, function);
  }

  private static ObjectNode told(RotaryScaling scaling) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    if (scaling instanceof RotaryScaling.Linear linear) {
      return json.put("rope_type", "linear").put("factor", linear.factor());
    }
    if (scaling instanceof RotaryScaling.Llama3 stretched) {
      return json.put("rope_type", "llama3")
          .put("factor", stretched.factor())
          .put("low_freq_factor", stretched.lowFrequencyFactor())
          .put("high_freq_factor", stretched.highFrequencyFactor())
          .put("original_max_position_embeddings", stretched.originalContext());
    }
    return json.put("rope_type", "default");
  }

  /** {@code rope_theta} and {@code rope_scaling}, or both inside {@code rope_parameters}. */
  private static Rotary rotary(JsonSection section, long positions) {
    double theta = section.numberFrom(1, "rope_theta", 10000);
    Optional<JsonSection> parameters = section.section("rope_parameters");
    Optional<JsonSection> scaling = section.section("rope_scaling");
    if (parameters.isPresent()) {
      theta = parameters.get().numberFrom(1, "rope_theta", theta);
    }
    RotaryScaling stretch =
        (scaling.isPresent() ? scaling : parameters)
            .map(s -> scaling(s, positions))
            .orElse(new RotaryScaling.None());
    return new Rotary(theta, stretch);
  }

  private static RotaryScaling scaling(JsonSection section, long positions) {
    String old = section.text("type", "default");
    String type = section.text("rope_type", old);
    return switch (type) {
      case "default" -> new RotaryScaling.None();
      case "linear" -> new RotaryScaling.Linear(section.requiredNumber("factor"));
      case "llama3" ->
          new RotaryScaling.Llama3(
              section.requiredNumber("factor"),
              section.requiredNumber("low_freq_factor"),
              section.requiredNumber("high_freq_factor"),
              section.wholeFrom(1, "original_max_position_embeddings", positions));
      default ->
          throw section.error(
              "rope_type", "\"" + type + "\" is not supported: use default, linear or llama3");
    };
  }
}
