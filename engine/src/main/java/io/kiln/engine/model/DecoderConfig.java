package io.kiln.engine.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A decoder-only transformer as data: what the families differ in.
 *
 * @param vocabulary token ids are below this
 * @param layers decoder blocks
 * @param hidden width of the residual stream
 * @param longest positions
 * @param positions how positions are told apart
 * @param normalization before attention, before the feed-forward layer and before the head
 * @param attention heads and their projections
 * @param feedForward the layer between
 * @param dropout probabilities
 * @param initializerRange standard deviation of the first weights
 * @param scaledResiduals whether projections onto the residual stream start smaller by {@code
 *     1/sqrt(2 * layers)} (GPT-2)
 * @param tiedHead whether the head is the token embedding
 * @param names of the parameters
 */
public record DecoderConfig(
    long vocabulary,
    int layers,
    long hidden,
    long longest,
    Positions positions,
    Normalization normalization,
    Attention attention,
    FeedForward feedForward,
    Dropouts dropout,
    double initializerRange,
    boolean scaledResiduals,
    boolean tiedHead,
    DecoderNames names) {

  /**
   * Heads and their projections.
   *
   * @param heads query heads
   * @param keyValueHeads key and value heads; divides {@code heads}
   * @param size features a head
   * @param joined whether queries, keys and values are one projection (needs as many of each)
   * @param inputBias whether the projections to queries, keys and values have a bias
   * @param outputBias whether the projection back has one
   */
  public record Attention(
      int heads,
      int keyValueHeads,
      long size,
      boolean joined,
      boolean inputBias,
      boolean outputBias) {
    public Attention {
      require(heads > 0 && keyValueHeads > 0, "attention needs heads");
      require(
          heads % keyValueHeads == 0,
          "%d query heads cannot share %d key/value heads evenly",
          heads,
          keyValueHeads);
      require(!joined || heads == keyValueHeads, "joined projections need equal head counts");
      require(size > 0, "a head needs features");
    }
  }

  /**
   * The layer between.
   *
   * @param inner its width
   * @param activation its non-linearity
   * @param gated whether a second projection scales the activation: {@code down(act(gate x) * up
   *     x)} (Shazeer 2020, arXiv:2002.05202)
   * @param bias whether its projections have one
   */
  public record FeedForward(long inner, Activation activation, boolean gated, boolean bias) {
    public FeedForward {
      require(inner > 0, "the feed-forward layer needs a width");
    }
  }

  /** Probabilities, applied in training only. */
  public record Dropouts(double embedding, double attention, double residual) {
    /** None at all. */
    public static final Dropouts NONE = new Dropouts(0, 0, 0);
  }

  public DecoderConfig {
    require(vocabulary > 0, "the vocabulary is empty");
    require(layers > 0, "a decoder needs layers");
    require(hidden > 0 && longest > 0, "a decoder needs a width and positions");
    require(
        !(positions instanceof Rotary) || attention.size() % 2 == 0,
        "rotary positions need an even head size, not %d",
        attention.size());
  }

  /** The chain: embedding, decoder blocks, head. */
  public Model model() {
    Optional<Rotary> rotary = positions instanceof Rotary r ? Optional.of(r) : Optional.empty();
    SequenceTables tables = new SequenceTables(longest, rotary, attention.size());
    List<Block> blocks = new ArrayList<>();
    blocks.add(new TokenEmbedding(this));
    for (int layer = 0; layer < layers; layer++) {
      blocks.add(new DecoderBlock(this, layer, tables));
    }
    blocks.add(new LanguageModelHead(this));
    return new Model(blocks, new CrossEntropy(vocabulary));
  }

  /** Standard deviation of the first weights of a projection onto the residual stream. */
  double residualDeviation() {
    return scaledResiduals ? initializerRange / Math.sqrt(2.0 * layers) : initializerRange;
  }

  private static void require(boolean holds, String message, Object... values) {
    if (!holds) {
      throw new IllegalArgumentException(String.format(message, values));
    }
  }
}
