package io.kiln.engine.train;

import io.kiln.engine.model.Block;
import io.kiln.engine.model.Pass;
import io.kiln.engine.model.Weights;
import org.bytedeco.pytorch.Tensor;

/**
 * What is kept of a block from forward to backward: its graph, or only what it takes to redo it.
 */
public interface Retention {
  /** Runs the block. {@code input} must live until the result is closed. */
  Kept run(Block block, Weights weights, Tensor input, Pass pass);
}
