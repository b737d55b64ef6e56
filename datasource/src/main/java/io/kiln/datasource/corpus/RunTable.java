package io.kiln.datasource.corpus;

import java.io.Serializable;
import java.util.List;

/**
 * Where each run of each partition begins in the corpus, and the checksum of what it held when it
 * was counted. A plain class for the same reason as {@link UnitChunk}.
 */
final class RunTable implements Serializable {
  private static final long serialVersionUID = 1L;

  private final long[][] offsets;
  private final long[][] checksums;

  /**
   * @param runs in the order of the corpus
   */
  RunTable(List<RunSummary> runs, int partitions) {
    int[] count = new int[partitions];
    runs.forEach(run -> count[run.partition] = Math.max(count[run.partition], run.run + 1));
    offsets = new long[partitions][];
    checksums = new long[partitions][];
    for (int partition = 0; partition < partitions; partition++) {
      offsets[partition] = new long[count[partition]];
      checksums[partition] = new long[count[partition]];
    }
    long units = 0;
    for (RunSummary run : runs) {
      offsets[run.partition][run.run] = units;
      checksums[run.partition][run.run] = run.checksum;
      units += run.units;
    }
  }

  int runs(int partition) {
    return offsets[partition].length;
  }

  /** First unit of a run in the corpus. */
  long offset(int partition, int run) {
    return offsets[partition][run];
  }

  /** CRC-32C of all bytes of a run. */
  long checksum(int partition, int run) {
    return checksums[partition][run];
  }
}
