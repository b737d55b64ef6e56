package io.kiln.engine.train;

import java.util.List;

/** Where a rank's micro-batches come from. */
public interface BatchSource extends AutoCloseable {
  /**
   * The micro-batches of one step for this rank, as many as there are accumulation steps. What step
   * s is made of depends on the seed and s alone, whatever the number of ranks.
   *
   * @param step from 1
   */
  List<MicroBatch> next(long step);

  /** Valid targets of the whole global batch of that step, all ranks together. */
  long globalValidTargets(long step);

  @Override
  void close();
}
