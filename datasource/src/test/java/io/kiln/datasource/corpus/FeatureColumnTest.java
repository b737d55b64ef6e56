package io.kiln.datasource.corpus;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.kiln.datasource.DataException;
import io.kiln.datasource.corpus.FeatureColumn.Kind;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.util.GenericArrayData;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.Test;

class FeatureColumnTest {
  private static double[] read(FeatureColumn column, Object value) {
    InternalRow row = new GenericInternalRow(new Object[] {value});
    double[] numbers = new double[column.width(row, 0)];
    column.read(row, 0, numbers, 0);
    return numbers;
  }

  @Test
  void vectors_are_read_as_spark_ml_stores_them() {
    // VectorUDT.sqlType: type (0 sparse, 1 dense), size, indices, values.
    FeatureColumn column = new FeatureColumn("v", Kind.VECTOR);
    Object dense =
        new GenericInternalRow(
            new Object[] {(byte) 1, null, null, new GenericArrayData(new double[] {1, 2.5})});
    Object sparse =
        new GenericInternalRow(
            new Object[] {
              (byte) 0,
              4,
              new GenericArrayData(new int[] {1, 3}),
              new GenericArrayData(new double[] {7, -8})
            });
    assertArrayEquals(new double[] {1, 2.5}, read(column, dense));
    assertArrayEquals(new double[] {0, 7, 0, -8}, read(column, sparse));
    assertEquals(-1, column.width(new GenericInternalRow(new Object[] {null}), 0));
  }

  @Test
  void types_that_hold_no_numbers_are_refused() {
    assertEquals(Kind.NUMBER, FeatureColumn.of("x", DataTypes.createDecimalType(9, 2)).kind());
    assertEquals(
        Kind.ARRAY, FeatureColumn.of("x", DataTypes.createArrayType(DataTypes.LongType)).kind());
    assertThrows(DataException.class, () -> FeatureColumn.of("x", DataTypes.DateType));
    assertThrows(
        DataException.class,
        () -> FeatureColumn.of("x", DataTypes.createArrayType(DataTypes.StringType)));
  }
}
