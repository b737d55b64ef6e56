package io.kiln.spark.barrier;

/** The cluster has room for another number of ranks than the job has. One line. */
public final class SlotsChangedException extends RankFailedException {
  private static final long serialVersionUID = 1L;

  private final int ranks;

  SlotsChangedException(String line, int ranks) {
    super(line, null);
    this.ranks = ranks;
  }

  /** How many ranks can go on. */
  public int ranks() {
    return ranks;
  }
}
