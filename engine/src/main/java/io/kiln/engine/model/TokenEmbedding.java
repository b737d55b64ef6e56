package io.kiln.engine.model;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * First block of a decoder: token ids {@code [batch, time]} to {@code [batch, time, hidden]}, with
 * a learned vector a position added where the family has them.
 */
public final class TokenEmbedding implements Block {
  private final DecoderConfig config;
  private final boolean learnedPositions;
  private final Dropout dropout;
  private final List<ParameterSpec> parameters;

  /** The embedding of a decoder. */
  public TokenEmbedding(DecoderConfig config) {
    this.config = config;
    this.learnedPositions = config.positions() instanceof Positions.Learned;
    this.dropout = new Dropout(config.dropout().embedding(), 0, 0);
    List<ParameterSpec> specs = new ArrayList<>();
    specs.add(table(config.names().tokenEmbedding(), config.vocabulary()));
    if (learnedPositions) {
      specs.add(table(config.names().positionEmbedding(), config.longest()));
    }
    this.parameters = List.copyOf(specs);
  }

  private ParameterSpec table(String name, long rows) {
    return new ParameterSpec(
        name,
        List.of(rows, config.hidden()),
        ParameterRole.EMBEDDING,
        new Initialization.Normal(0, config.initializerRange()));
  }

  @Override
  public List<ParameterSpec> parameters() {
    return parameters;
  }

  @Override
  public Tensor forward(Weights weights, Tensor input, Pass pass) {
    if (input.dim() != 2) {
      throw new IllegalArgumentException(
          "token ids must be [batch, time], not of " + input.dim() + " dimensions");
    }
    long time = input.size(1);
    if (time > config.longest()) {
      throw new IllegalArgumentException(
          "a sequence of "
              + time
              + " tokens is longer than the model's "
              + config.longest()
              + " positions: shorten it");
    }
    Tensor hidden = torch.embedding(weights.get(config.names().tokenEmbedding()), input);
    if (learnedPositions) {
      Tensor positions = weights.get(config.names().positionEmbedding()).narrow(0, 0, time);
      hidden = hidden.add(positions);
    }
    return dropout.apply(hidden, pass);
  }
}
