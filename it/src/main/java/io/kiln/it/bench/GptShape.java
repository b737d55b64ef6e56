package io.kiln.it.bench;

import java.util.List;

/**
 * A GPT-2 model and the batch that one of two ranks trains it with.
 *
 * @param name as the command line spells it
 * @param batch samples of one rank and step
 */
record GptShape(
    String name, int layers, int heads, int hidden, int time, int batch, int vocabulary) {
  /** Small products, many calls: what is not a product decides here. */
  static final GptShape NANO = new GptShape("nano", 4, 4, 128, 64, 12, 65);

  /** Products decide here, not calls. */
  static final GptShape MID = new GptShape("mid", 6, 6, 384, 256, 4, 256);

  /** GPT-2, the smallest of the four that were published: for GPUs. */
  static final GptShape SMALL = new GptShape("gpt2-124m", 12, 12, 768, 1024, 16, 50257);

  /** The next one. */
  static final GptShape MEDIUM = new GptShape("gpt2-350m", 24, 16, 1024, 1024, 8, 50257);

  static final List<GptShape> ALL = List.of(NANO, MID, SMALL, MEDIUM);

  static GptShape named(String name) {
    return ALL.stream()
        .filter(shape -> shape.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "no shape "
                        + name
                        + ": choose from "
                        + ALL.stream().map(GptShape::name).toList()));
  }

  /** Tokens of one rank and step. */
  long tokens() {
    return (long) batch * time;
  }

  /**
   * Trained values: both embeddings (the head's is the tokens'), and for each block two layer norms
   * and four projections with biases.
   */
  long parameters() {
    long h = hidden;
    return (long) vocabulary * h + (long) time * h + layers * (12 * h * h + 13 * h) + 2 * h;
  }

  /**
   * Floating-point operations that one token's step cannot do without: six for each weight of a
   * product (two forward, four backward), and attention's products with half of the positions, as
   * the mask leaves no more. What is computed again or for nothing does not count.
   */
  double flopsAToken() {
    double weights = 12.0 * layers * hidden * hidden + (double) vocabulary * hidden;
    double attention = 6.0 * layers * time * hidden;
    return 6 * weights + attention;
  }

  /** The same as a Hugging Face configuration. */
  String huggingFaceConfig() {
    return """
        {"model_type": "gpt2", "n_layer": %d, "n_head": %d, "n_embd": %d, "n_positions": %d,
         "vocab_size": %d, "resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0}
        """
        .formatted(layers, heads, hidden, time, vocabulary);
  }
}
