package io.kiln.datasource.rank;

import java.nio.file.Path;

/**
 * Where a rank keeps its samples.
 *
 * @param memoryLimit bytes that may lie in memory; more than that go to a file as a whole
 * @param directory local, for that file
 */
public record SampleStorage(long memoryLimit, Path directory) {
  /** Everything in memory. */
  public static SampleStorage inMemory() {
    return new SampleStorage(Long.MAX_VALUE, Path.of(System.getProperty("java.io.tmpdir")));
  }
}
