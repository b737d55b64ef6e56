package io.kiln.engine.model.family;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.config.JsonSection;
import io.kiln.engine.model.Activation;
import java.util.List;
import java.util.OptionalLong;

/** What the families' configurations have in common. */
final class CommonKeys {
  /** Keys of Hugging Face's PretrainedConfig that do not change the logits or the loss. */
  private static final List<String> HARMLESS =
      List.of(
          "model_type",
          "architectures",
          "_name_or_path",
          "transformers_version",
          "torch_dtype",
          "dtype",
          "use_cache",
          "bos_token_id",
          "eos_token_id",
          "pad_token_id",
          "sep_token_id",
          "unk_token_id",
          "task_specific_params",
          "finetuning_task",
          "problem_type",
          "id2label",
          "label2id",
          "num_labels",
          "output_attentions",
          "output_hidden_states",
          "output_past",
          "return_dict",
          "return_dict_in_generate",
          "output_scores",
          "attn_implementation",
          "_attn_implementation",
          "gradient_checkpointing",
          "keys_to_ignore_at_inference",
          "chunk_size_feed_forward",
          "is_decoder",
          "is_encoder_decoder",
          "prefix",
          "tokenizer_class",
          "max_length",
          "min_length",
          "do_sample",
          "early_stopping",
          "num_beams",
          "num_beam_groups",
          "diversity_penalty",
          "temperature",
          "top_k",
          "top_p",
          "typical_p",
          "repetition_penalty",
          "length_penalty",
          "no_repeat_ngram_size",
          "encoder_no_repeat_ngram_size",
          "bad_words_ids",
          "num_return_sequences",
          "forced_bos_token_id",
          "forced_eos_token_id",
          "remove_invalid_values",
          "exponential_decay_length_penalty",
          "suppress_tokens",
          "begin_suppress_tokens",
          "decoder_start_token_id",
          "tie_encoder_decoder",
          "torchscript",
          "tf_legacy_loss",
          "use_bfloat16");

  private CommonKeys() {}

  /** Makes them known. */
  static void acceptHarmless(JsonSection section, List<String> familysOwn) {
    HARMLESS.forEach(section::raw);
    familysOwn.forEach(section::raw);
  }

  /**
   * The configuration that was given, as Hugging Face's classes are to read it again. Token ids
   * that it leaves out are none: their defaults (GPT-2's 50256, Llama's 1 and 2) would be no token
   * of a small vocabulary, or an ordinary one.
   */
  static ObjectNode completed(JsonNode given, String architecture) {
    ObjectNode json = given.deepCopy();
    json.putArray("architectures").add(architecture);
    for (String key : List.of("bos_token_id", "eos_token_id")) {
      if (!json.has(key)) {
        json.putNull(key);
      }
    }
    return json;
  }

  /** Refuses a switch of the architecture that is not set as Kiln computes. */
  static void requireFlag(JsonSection section, String key, boolean only) {
    if (section.flag(key, only) != only) {
      throw section.error(key, "only " + only + " is supported");
    }
  }

  static long vocabulary(JsonSection section, OptionalLong tokenizer) {
    OptionalLong configured = section.whole("vocab_size");
    if (configured.isEmpty()) {
      if (tokenizer.isEmpty()) {
        throw section.error("vocab_size", "is missing, and no tokenizer is there to decide it");
      }
      return tokenizer.getAsLong();
    }
    long size = section.wholeFrom(1, "vocab_size", 1);
    if (tokenizer.isPresent() && size < tokenizer.getAsLong()) {
      throw section.error(
          "vocab_size",
          "is "
              + size
              + ", but the tokenizer has "
              + tokenizer.getAsLong()
              + " tokens: leave it out or raise it");
    }
    return size;
  }

  static Activation activation(JsonSection section, String key, Activation otherwise) {
    String label = section.text(key, otherwise.label());
    try {
      return Activation.of(label);
    } catch (IllegalArgumentException e) {
      throw section.error(key, e.getMessage());
    }
  }

  static double probability(JsonSection section, String key, double otherwise) {
    double value = section.number(key, otherwise);
    if (!(value >= 0 && value < 1)) {
      throw section.error(key, "must be at least 0 and below 1, not " + value);
    }
    return value;
  }
}
