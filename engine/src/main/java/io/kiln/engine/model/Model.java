package io.kiln.engine.model;

import io.kiln.engine.tensor.NativeOwner;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntFunction;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

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

  /**
   * The output of the first {@code count} blocks, without dropout; for callers that compute no
   * gradients. Of the outputs between, one lives at a time.
   *
   * @param weights of the block with an index, asked for as its turn comes
   * @return in the caller's scope
   */
  public Tensor forward(int count, IntFunction<Weights> weights, Tensor input) {
    NativeOwner holder = new NativeOwner();
    Tensor hidden = input;
    try {
      for (int i = 0; i < count; i++) {
        NativeOwner next = new NativeOwner();
        try (PointerScope scope = new PointerScope()) {
          hidden = next.own(blocks.get(i).forward(weights.apply(i), hidden, Pass.evaluation()));
        }
        holder.close();
        holder = next;
      }
      return hidden.detach();
    } finally {
      holder.close();
    }
  }

  @Override
  public void close() {
    blocks.forEach(Block::close);
    objective.close();
  }
}
