package io.kiln.engine.train;

import java.util.Map;

/**
 * Bytes that a rank holds for good, by what they are for: {@code parameters}, {@code gradients},
 * {@code optimizer}, {@code gathered}, {@code buckets}.
 */
public record MemoryReport(Map<String, Long> bytes) {
  public MemoryReport {
    bytes = Map.copyOf(bytes);
  }
}
