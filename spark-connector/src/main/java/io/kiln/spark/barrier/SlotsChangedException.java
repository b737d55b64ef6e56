package io.kiln.spark.barrier;

/** The cluster has room for another number of ranks than the job has. One line. */
public final class SlotsChangedException extends RankFailedException {
  private static final long serialVersionUID = 1L;

  SlotsChangedException(String line) {
    super(line, null);
  }
}
