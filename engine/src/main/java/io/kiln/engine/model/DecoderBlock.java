package io.kiln.engine.model;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * One layer of a decoder, norms first: {@code x + attention(norm(x))}, then {@code x +
 * feedForward(norm(x))}, both {@code [batch, time, hidden]}. What families differ in are fields of
 * {@link DecoderConfig}.
 */
public final class DecoderBlock implements Block {
  private static final int ATTENTION_DROPOUT = 0;
  private static final int ATTENTION_RESIDUAL_DROPOUT = 1;
  private static final int FEED_FORWARD_RESIDUAL_DROPOUT = 2;

  private final DecoderConfig config;
  private final SequenceTables tables;
  private final String attentionNorm;
  private final String feedForwardNorm;
  private final List<Projection> heads;
  private final Projection attentionOutput;
  private final List<Projection> inner;
  private final Projection down;
  private final CausalAttention attention;
  private final Dropout attentionResidual;
  private final Dropout feedForwardResidual;
  private final List<ParameterSpec> parameters;

  /**
   * @param layer from 0; the block's index in the model is one more
   * @param tables shared by the blocks of the model; closed with any of them
   */
  DecoderBlock(DecoderConfig config, int layer, SequenceTables tables) {
    this.config = config;
    this.tables = tables;
    DecoderNames names = config.names();
    DecoderConfig.Attention shape = config.attention();
    DecoderConfig.FeedForward feedForward = config.feedForward();
    String prefix = String.format(names.layer(), layer);
    this.attentionNorm = prefix + names.attentionNorm();
    this.feedForwardNorm = prefix + names.feedForwardNorm();
    long queryWidth = shape.heads() * shape.size();
    long keyWidth = shape.keyValueHeads() * shape.size();
    this.heads =
        shape.joined()
            ? List.of(column(prefix + names.joined(), shape.inputBias(), 3 * queryWidth))
            : List.of(
                column(prefix + names.query(), shape.inputBias(), queryWidth),
                column(prefix + names.key(), shape.inputBias(), keyWidth),
                column(prefix + names.value(), shape.inputBias(), keyWidth));
    this.attentionOutput = row(prefix + names.attentionOutput(), shape.outputBias(), queryWidth);
    Projection up = column(prefix + names.up(), feedForward.bias(), feedForward.inner());
    this.inner =
        feedForward.gated()
            ? List.of(column(prefix + names.gate(), feedForward.bias(), feedForward.inner()), up)
            : List.of(up);
    this.down = row(prefix + names.down(), feedForward.bias(), feedForward.inner());
    int block = layer + 1;
    this.attention =
        new CausalAttention(
            tables, new Dropout(config.dropout().attention(), block, ATTENTION_DROPOUT));
    this.attentionResidual =
        new Dropout(config.dropout().residual(), block, ATTENTION_RESIDUAL_DROPOUT);
    this.feedForwardResidual =
        new Dropout(config.dropout().residual(), block, FEED_FORWARD_RESIDUAL_DROPOUT);

    List<ParameterSpec> specs =
        new ArrayList<>(config.normalization().parameters(attentionNorm, config.hidden()));
    heads.forEach(p -> specs.addAll(p.parameters()));
    specs.addAll(attentionOutput.parameters());
    specs.addAll(config.normalization().parameters(feedForwardNorm, config.hidden()));
    inner.forEach(p -> specs.addAll(p.parameters()));
    specs.addAll(down.parameters());
    this.parameters = List.copyOf(specs);
  }

  private Projection column(String name, boolean biased, long out) {
    return Projection.named(
        name, biased, config.hidden(), out, ParameterRole.COLUMN, config.initializerRange());
  }

  private Projection row(String name, boolean biased, long in) {
    return Projection.named(
        name, biased, in, config.hidden(), ParameterRole.ROW, config.residualDeviation());
  }

  @Override
  public List<ParameterSpec> parameters() {
    return parameters;
  }

  @Override
  public Tensor forward(Weights weights, Tensor input, Pass pass) {
    Tensor attended =
        attend(weights, config.normalization().apply(weights, attentionNorm, input), pass);
    // Not in place: a projection's output is a view to autograd, and writing into a view costs
    // copies in backward.
    Tensor middle = input.add(attentionResidual.apply(attended, pass));
    Tensor fed =
        feedForward(weights, config.normalization().apply(weights, feedForwardNorm, middle));
    return middle.add(feedForwardResidual.apply(fed, pass));
  }

  private Tensor attend(Weights weights, Tensor x, Pass pass) {
    DecoderConfig.Attention shape = config.attention();
    Tensor query;
    Tensor key;
    Tensor value;
    if (shape.joined()) {
      // Undone by one copy in backward, where three narrows would each fill a tensor with zeros.
      TensorVector parts =
          heads.get(0).apply(weights, x).unflatten(2, 3, shape.heads(), shape.size()).unbind(2);
      query = parts.get(0);
      key = parts.get(1);
      value = parts.get(2);
    } else {
      query = heads.get(0).apply(weights, x).unflatten(2, shape.heads(), shape.size());
      key = heads.get(1).apply(weights, x).unflatten(2, shape.keyValueHeads(), shape.size());
      value = heads.get(2).apply(weights, x).unflatten(2, shape.keyValueHeads(), shape.size());
    }
    if (config.positions() instanceof Rotary) {
      SequenceTables.RotaryTable table = tables.rotary(x.size(1), x);
      query = rotate(query, table);
      key = rotate(key, table);
    }
    return attentionOutput.apply(weights, attention.apply(query, key, value, pass));
  }

  private static Tensor rotate(Tensor x, SequenceTables.RotaryTable table) {
    Tensor swapped = torch.roll(x, new long[] {x.size(3) / 2}, 3);
    return torch.addcmul(x.mul(table.cosine()), swapped, table.sine());
  }

  private Tensor feedForward(Weights weights, Tensor x) {
    Tensor activated = config.feedForward().activation().apply(inner.get(0).apply(weights, x));
    if (config.feedForward().gated()) {
      activated = activated.mul(inner.get(1).apply(weights, x));
    }
    return down.apply(weights, activated);
  }

  @Override
  public void close() {
    tables.close();
  }
}
