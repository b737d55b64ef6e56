package io.kiln.engine.checkpoint;

import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * A tensor in a safetensors file.
 *
 * @param name its key in the header
 * @param dtype as the format spells it, such as {@code F32}
 * @param shape sizes, first dimension first; empty for a scalar
 * @param begin its first byte, counted from the end of the header
 * @param end one past its last
 */
public record SafetensorsEntry(String name, String dtype, List<Long> shape, long begin, long end) {
  private static final Map<String, Integer> BYTES =
      Map.ofEntries(
          Map.entry("F64", 8),
          Map.entry("F32", 4),
          Map.entry("F16", 2),
          Map.entry("BF16", 2),
          Map.entry("I64", 8),
          Map.entry("I32", 4),
          Map.entry("I16", 2),
          Map.entry("I8", 1),
          Map.entry("U64", 8),
          Map.entry("U32", 4),
          Map.entry("U16", 2),
          Map.entry("U8", 1),
          Map.entry("BOOL", 1));

  public SafetensorsEntry {
    shape = List.copyOf(shape);
  }

  /** Number of elements. */
  public long elements() {
    return shape.stream().mapToLong(Long::longValue).reduce(1, Math::multiplyExact);
  }

  /** Bytes of one element, where the dtype is a known one. */
  OptionalInt elementBytes() {
    Integer bytes = BYTES.get(dtype);
    return bytes == null ? OptionalInt.empty() : OptionalInt.of(bytes);
  }
}
