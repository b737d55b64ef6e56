package io.kiln.datasource.packing;

import io.kiln.datasource.DataException;

/**
 * A sample is one row: its features as fp32, then its label, an int32 class id or fp32 values.
 *
 * @param features columns, arrays and vectors counted by their elements
 * @param label what the label is
 * @param outputs values of a label; 1 for a class
 */
public record FeatureSamples(int features, LabelKind label, int outputs) implements SampleShape {
  public FeatureSamples {
    if (features < 1) {
      throw new DataException("data.feature_columns gives no feature: name at least one column");
    }
    if (outputs < 1 || label == LabelKind.CLASS && outputs != 1) {
      throw new DataException("data.label_column gives " + outputs + " values for a " + label);
    }
  }

  @Override
  public int unitBytes() {
    return Float.BYTES * (features + outputs);
  }

  @Override
  public int stride() {
    return 1;
  }

  @Override
  public int length() {
    return 1;
  }

  @Override
  public long targets(long units) {
    return units * outputs;
  }
}
