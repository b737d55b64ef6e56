package io.kiln.engine.zero;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * The part of a block that this rank updates: its shard, or all of it where nothing is sharded.
 *
 * @param begin index of its first element in the block's flat tensor
 * @param master {@code [n]} fp32
 * @param gradient {@code [n]} fp32: what the optimizer reads
 * @param states {@code [n]} fp32 each, in the optimizer's order
 */
record OwnedPart(long begin, Tensor master, Tensor gradient, List<Tensor> states) {
  OwnedPart {
    states = List.copyOf(states);
  }

  long elements() {
    return master.numel();
  }
}
