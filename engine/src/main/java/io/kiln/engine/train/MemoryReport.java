package io.kiln.engine.train;

import java.util.Map;
import java.util.TreeMap;

/**
 * Bytes that a rank holds for good, by what they are for: {@code parameters}, {@code gradients},
 * {@code optimizer}, {@code gathered}, {@code buckets}; beside the training {@code ring} (this
 * rank's own in shared memory) and {@code checkpoint}.
 */
public record MemoryReport(Map<String, Long> bytes) {
  public MemoryReport {
    bytes = Map.copyOf(bytes);
  }

  /** With something that is held beside the training, if it is any. */
  public MemoryReport with(String purpose, long held) {
    if (held == 0) {
      return this;
    }
    Map<String, Long> more = new TreeMap<>(bytes);
    more.put(purpose, held);
    return new MemoryReport(more);
  }
}
