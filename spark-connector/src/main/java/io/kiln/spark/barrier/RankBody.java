package io.kiln.spark.barrier;

import java.io.Serializable;
import java.util.Iterator;

/**
 * What every rank of a barrier job does.
 *
 * @param <T> what its partition holds
 * @param <R> what it gives back to the driver: small
 */
@FunctionalInterface
public interface RankBody<T, R extends Serializable> extends Serializable {
  /**
   * Runs on the task's thread. Asks {@link RankContext#endIfAsked()} now and then.
   *
   * @param partition this rank's part of the data
   */
  R run(RankContext context, Iterator<T> partition) throws Exception;
}
