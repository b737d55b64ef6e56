package io.kiln.datasource.corpus;

import io.kiln.datasource.DataException;
import io.kiln.datasource.packing.FeatureSamples;
import io.kiln.datasource.packing.LabelKind;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import org.apache.spark.sql.catalyst.InternalRow;

/** A row of features, then its label, as {@link FeatureSamples} says. */
final class FeatureEncoder implements RowEncoder {
  private static final long serialVersionUID = 1L;
  private static final VarHandle FLOATS =
      MethodHandles.byteArrayViewVarHandle(float[].class, ByteOrder.nativeOrder());
  private static final VarHandle INTS =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.nativeOrder());

  private final FeatureColumn[] columns;
  private final int[] widths;
  private final FeatureSamples shape;

  /**
   * @param columns features, and the label as the last one
   * @param widths numbers that each gives
   */
  FeatureEncoder(FeatureColumn[] columns, int[] widths, LabelKind label) {
    this.columns = columns;
    this.widths = widths;
    int features = 0;
    for (int i = 0; i < widths.length - 1; i++) {
      features += widths[i];
    }
    this.shape = new FeatureSamples(features, label, widths[widths.length - 1]);
  }

  FeatureSamples shape() {
    return shape;
  }

  @Override
  public int unitBytes() {
    return shape.unitBytes();
  }

  @Override
  public byte[] encode(InternalRow row) {
    double[] numbers = new double[shape.features() + shape.outputs()];
    int at = 0;
    for (int i = 0; i < columns.length; i++) {
      int width = columns[i].width(row, i);
      if (width < 0) {
        throw new DataException(
            "Null in column \"" + columns[i].name() + "\": leave such rows out, or fill them");
      }
      if (width != widths[i]) {
        throw new DataException(
            "Column \""
                + columns[i].name()
                + "\" has "
                + width
                + " numbers where the first row has "
                + widths[i]
                + ": every row must have as many");
      }
      columns[i].read(row, i, numbers, at);
      for (int j = at; j < at + width; j++) {
        if (!Float.isFinite((float) numbers[j])) {
          throw new DataException(
              "Column \""
                  + columns[i].name()
                  + "\" holds "
                  + numbers[j]
                  + (Double.isFinite(numbers[j]) ? ", too large for fp32" : "")
                  + ": features and labels must be finite numbers");
        }
      }
      at += width;
    }
    return bytes(numbers);
  }

  private byte[] bytes(double[] numbers) {
    byte[] unit = new byte[unitBytes()];
    boolean isClass = shape.label() == LabelKind.CLASS;
    int floats = isClass ? shape.features() : numbers.length;
    for (int i = 0; i < floats; i++) {
      FLOATS.set(unit, i * Float.BYTES, (float) numbers[i]);
    }
    if (isClass) {
      double label = numbers[shape.features()];
      if (label != Math.rint(label) || label < 0 || label > Integer.MAX_VALUE) {
        throw new DataException(
            "Column \""
                + columns[columns.length - 1].name()
                + "\" holds "
                + label
                + ": a class is a whole number from 0");
      }
      INTS.set(unit, shape.features() * Float.BYTES, (int) label);
    }
    return unit;
  }

  @Override
  public long greatest(byte[] units, int bytes) {
    if (shape.label() != LabelKind.CLASS) {
      return -1;
    }
    long greatest = -1;
    for (int at = shape.features() * Float.BYTES; at < bytes; at += unitBytes()) {
      greatest = Math.max(greatest, (int) INTS.get(units, at));
    }
    return greatest;
  }
}
