package io.kiln.engine.model;

/**
 * What a family calls its parameters in Hugging Face files. Entries for what a family lacks are
 * empty. Names of modules go without {@code .weight}, names of single parameters with it.
 *
 * @param tokenEmbedding a parameter
 * @param positionEmbedding a parameter
 * @param layer prefix of a decoder block, with {@code %d} for its number
 * @param attentionNorm a module of the block, and so on to {@code down}
 * @param joined queries, keys and values in one
 * @param finalNorm a module
 * @param head a parameter
 */
public record DecoderNames(
    String tokenEmbedding,
    String positionEmbedding,
    String layer,
    String attentionNorm,
    String joined,
    String query,
    String key,
    String value,
    String attentionOutput,
    String feedForwardNorm,
    String gate,
    String up,
    String down,
    String finalNorm,
    String head) {
  /** GPT-2's. */
  public static final DecoderNames GPT2 =
      new DecoderNames(
          "transformer.wte.weight",
          "transformer.wpe.weight",
          "transformer.h.%d.",
          "ln_1",
          "attn.c_attn",
          "",
          "",
          "",
          "attn.c_proj",
          "ln_2",
          "",
          "mlp.c_fc",
          "mlp.c_proj",
          "transformer.ln_f",
          "lm_head.weight");

  /** Llama's. */
  public static final DecoderNames LLAMA =
      new DecoderNames(
          "model.embed_tokens.weight",
          "",
          "model.layers.%d.",
          "input_layernorm",
          "",
          "self_attn.q_proj",
          "self_attn.k_proj",
          "self_attn.v_proj",
          "self_attn.o_proj",
          "post_attention_layernorm",
          "mlp.gate_proj",
          "mlp.up_proj",
          "mlp.down_proj",
          "model.norm",
          "lm_head.weight");
}
