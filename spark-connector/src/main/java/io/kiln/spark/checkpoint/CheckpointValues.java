package io.kiln.spark.checkpoint;

import io.kiln.engine.checkpoint.Piece;
import io.kiln.engine.infer.ParameterSource;
import io.kiln.engine.model.ParameterSpec;
import io.kiln.engine.train.recovery.Recut;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/**
 * The master weights in a checkpoint's shards: of each parameter the byte ranges that it has there.
 *
 * @param shards that it is read from; closed by whoever opened them
 */
public record CheckpointValues(Recut shards) implements ParameterSource {
  private static final String MASTER = "master";

  @Override
  public void fill(ParameterSpec spec, Tensor target) throws IOException {
    try (PointerScope scope = new PointerScope()) {
      Piece whole =
          new Piece(spec.name(), 0, spec.elements(), Map.of(MASTER, target.view(spec.elements())));
      shards.read(List.of(whole), 0);
    }
  }
}
