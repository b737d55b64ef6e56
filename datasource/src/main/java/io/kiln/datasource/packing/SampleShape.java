package io.kiln.datasource.packing;

import java.io.Serializable;

/**
 * What a sample is cut from and how. A corpus is a row of units (tokens, or whole rows of
 * features); sample i is the units [i·stride, i·stride + length).
 */
public sealed interface SampleShape extends Serializable permits TokenSamples, FeatureSamples {
  /** Bytes of one unit. */
  int unitBytes();

  /** Units from the start of one sample to the start of the next. */
  int stride();

  /** Units of one sample. */
  int length();

  /** Targets that count in a sample of so many units. */
  long targets(long units);

  /** Bytes of one sample. */
  default int sampleBytes() {
    return Math.multiplyExact(unitBytes(), length());
  }

  /** Whole samples in so many units: the last partial one is dropped. */
  default long wholeSamples(long units) {
    return units < length() ? 0 : (units - length()) / stride() + 1;
  }

  /** Samples that hold at least one target, the last one perhaps partial. */
  default long samplesWithTargets(long units) {
    int shared = length() - stride();
    return units <= shared ? 0 : (units - shared + stride() - 1) / stride();
  }
}
