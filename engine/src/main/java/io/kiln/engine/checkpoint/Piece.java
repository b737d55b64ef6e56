package io.kiln.engine.checkpoint;

import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * A run of a parameter's elements, flattened in its own shape, with what is kept of each: the unit
 * that is written and read back. The pieces of all ranks cover every parameter; how they are cut is
 * nobody's business but theirs.
 *
 * @param parameter its name
 * @param begin index of the first element in the flattened parameter
 * @param elements how many
 * @param values {@code [elements]} each, fp32 and contiguous, by what they are: {@code master},
 *     {@code exp_avg}, …
 */
public record Piece(String parameter, long begin, long elements, Map<String, Tensor> values) {
  public Piece {
    values = new LinkedHashMap<>(values);
  }

  long end() {
    return begin + elements;
  }
}
