package io.kiln.engine.model;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A chain of blocks and what its output is measured by. Holds no parameter values; the blocks may
 * keep constant tables, so a model belongs to one rank (one thread) and is closed by it.
 *
 * @param blocks first to last; their parameter names are unique together
 * @param objective the loss on the last block's output
 */
public record Model(List<Block> blocks, Objective objective) implements AutoCloseable {
  public Model {
    blocks = List.copyOf(blocks);
    Set<String> names = new HashSet<>();
    for (Block block : blocks) {
      for (ParameterSpec spec : block.parameters()) {
        if (!names.add(spec.name())) {
          throw new IllegalArgumentException("two parameters are called " + spec.name());
        }
      }
    }
  }

  /** Number of parameters, each once. */
  public long parameterCount() {
    return blocks.stream()
        .flatMap(b -> b.parameters().stream())
        .mapToLong(ParameterSpec::elements)
        .sum();
  }

  @Override
  public void close() {
    blocks.forEach(Block::close);
  }
}
