package io.kiln.engine.model;

/** Tiny decoders that between them use every field of {@link DecoderConfig}. */
final class SmallDecoders {
  private SmallDecoders() {}

  static DecoderConfig gpt2() {
    return gpt2(DecoderConfig.Dropouts.NONE);
  }

  static DecoderConfig gpt2(DecoderConfig.Dropouts dropout) {
    return new DecoderConfig(
        11,
        2,
        12,
        8,
        new Positions.Learned(),
        new Normalization(Normalization.Kind.LAYER, 1e-5),
        new DecoderConfig.Attention(3, 3, 4, true, true, true),
        new DecoderConfig.FeedForward(20, Activation.GELU_NEW, false, true),
        dropout,
        0.3,
        true,
        true,
        DecoderNames.GPT2);
  }

  /** Four query heads on two key/value heads; head size not hidden / heads. */
  static DecoderConfig llama() {
    return new DecoderConfig(
        13,
        2,
        12,
        8,
        new Rotary(100, new RotaryScaling.Linear(2)),
        new Normalization(Normalization.Kind.RMS, 1e-6),
        new DecoderConfig.Attention(4, 2, 6, false, false, false),
        new DecoderConfig.FeedForward(16, Activation.SILU, true, false),
        DecoderConfig.Dropouts.NONE,
        0.3,
        false,
        false,
        DecoderNames.LLAMA);
  }

  /** The llama with every bias and a tied head. */
  static DecoderConfig biasedLlama() {
    DecoderConfig plain = llama();
    return new DecoderConfig(
        plain.vocabulary(),
        1,
        plain.hidden(),
        plain.longest(),
        new Rotary(500, new RotaryScaling.Llama3(4, 1, 4, 40)),
        plain.normalization(),
        new DecoderConfig.Attention(2, 2, 6, false, true, true),
        new DecoderConfig.FeedForward(16, Activation.RELU, true, true),
        plain.dropout(),
        plain.initializerRange(),
        false,
        true,
        DecoderNames.LLAMA);
  }
}
