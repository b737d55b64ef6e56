package io.kiln.engine.train;

import java.util.Iterator;

/**
 * A rank's share of a split that is passed over once per evaluation. Every rank gives the same
 * number of micro-batches, filled up with rows whose targets are all ignored, so that collectives
 * inside the pass pair up.
 */
public interface EvaluationSource extends AutoCloseable {
  /**
   * One pass from the start.
   *
   * @param limit micro-batches at the most; {@code Long.MAX_VALUE} for the whole split
   */
  Iterator<MicroBatch> pass(long limit);

  @Override
  void close();
}
