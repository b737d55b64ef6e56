package io.kiln.engine.model.family;

import java.util.OptionalLong;

/**
 * What the data knows and a model's configuration may leave out.
 *
 * @param vocabulary tokens of the tokenizer
 * @param features columns that go in
 * @param outputs classes, or values to predict
 */
public record DataSizes(OptionalLong vocabulary, OptionalLong features, OptionalLong outputs) {
  /** The configuration must say everything. */
  public static DataSizes unknown() {
    return new DataSizes(OptionalLong.empty(), OptionalLong.empty(), OptionalLong.empty());
  }

  /** Text, cut into tokens below {@code vocabulary}. */
  public static DataSizes ofTokens(long vocabulary) {
    return new DataSizes(OptionalLong.of(vocabulary), OptionalLong.empty(), OptionalLong.empty());
  }

  /** Rows of {@code features} numbers with {@code outputs} classes or values. */
  public static DataSizes ofFeatures(long features, long outputs) {
    return new DataSizes(OptionalLong.empty(), OptionalLong.of(features), OptionalLong.of(outputs));
  }
}
