package io.kiln.engine.model;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Last block of a decoder: {@code [batch, time, hidden]} to logits {@code [batch, time,
 * vocabulary]}, a norm and a product with the head's own table or, tied, with the token embedding
 * (Press and Wolf 2017, arXiv:1608.05859). In training the logits may have more columns behind the
 * vocabulary's, which mean nothing; {@link CrossEntropy} passes over them.
 */
public final class LanguageModelHead implements Block {
  private final Normalization normalization;
  private final String finalNorm;
  private final Projection head;
  private final List<ParameterSpec> parameters;
  private final List<Borrowed> borrows;
  private final HeadColumns columns;

  /** The head of a decoder. */
  public LanguageModelHead(DecoderConfig config) {
    this(config, HeadColumns.FASTEST);
  }

  LanguageModelHead(DecoderConfig config, HeadColumns columns) {
    this.columns = columns;
    this.normalization = config.normalization();
    this.finalNorm = config.names().finalNorm();
    String table = config.tiedHead() ? config.names().tokenEmbedding() : config.names().head();
    this.head =
        new Projection(
            table,
            "",
            false,
            config.hidden(),
            config.vocabulary(),
            ParameterRole.COLUMN,
            config.initializerRange());
    List<ParameterSpec> specs =
        new ArrayList<>(normalization.parameters(finalNorm, config.hidden()));
    if (!config.tiedHead()) {
      specs.addAll(head.parameters());
    }
    this.parameters = List.copyOf(specs);
    this.borrows = config.tiedHead() ? List.of(new Borrowed(0, table)) : List.of();
  }

  @Override
  public List<ParameterSpec> parameters() {
    return parameters;
  }

  @Override
  public List<Borrowed> borrows() {
    return borrows;
  }

  @Override
  public Tensor forward(Weights weights, Tensor input, Pass pass) {
    Tensor normed = normalization.apply(weights, finalNorm, input);
    long wide = columns.of(normed, head.out());
    if (wide == head.out()) {
      return head.apply(weights, normed);
    }
    long[] rowsBehind = {0, 0, 0, wide - head.out()};
    Tensor table = torch.constant_pad_nd(weights.get(head.weight()), rowsBehind);
    Tensor logits = torch.linear(normed, table);
    return pass.training() ? logits : logits.narrow(2, 0, head.out());
  }
}
