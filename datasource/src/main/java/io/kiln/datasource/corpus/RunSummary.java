package io.kiln.datasource.corpus;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.zip.CRC32C;

/** How much a run holds; a plain class for the same reason as {@link UnitChunk}. */
final class RunSummary implements Serializable {
  private static final long serialVersionUID = 1L;

  /** By file and block, then by partition and run; where there are no files the latter alone. */
  static final Comparator<RunSummary> ORDER =
      Comparator.comparing((RunSummary run) -> run.file, Comparator.nullsFirst(String::compareTo))
          .thenComparingLong(run -> run.block)
          .thenComparingInt(run -> run.partition)
          .thenComparingInt(run -> run.run);

  int partition;
  int run;
  String file;
  long block;
  long rows;
  long units;
  long greatest = -1;
  long checksum;
  String problem;

  /** The runs of a partition, in the order of its chunks. */
  static List<RunSummary> of(int partition, Iterator<UnitChunk> chunks, int unitBytes) {
    List<RunSummary> runs = new ArrayList<>();
    CRC32C checksum = new CRC32C();
    while (chunks.hasNext()) {
      UnitChunk chunk = chunks.next();
      if (runs.isEmpty() || runs.get(runs.size() - 1).run != chunk.run) {
        RunSummary begun = new RunSummary();
        begun.partition = partition;
        begun.run = chunk.run;
        begun.file = chunk.file;
        begun.block = chunk.block;
        runs.add(begun);
        checksum.reset();
      }
      RunSummary run = runs.get(runs.size() - 1);
      run.rows += chunk.rows;
      run.units += chunk.units.length / unitBytes;
      checksum.update(chunk.units);
      run.checksum = checksum.getValue();
      run.greatest = Math.max(run.greatest, chunk.greatest);
      run.problem = run.problem == null ? chunk.problem : run.problem;
    }
    return runs;
  }
}
