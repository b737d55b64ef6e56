package io.kiln.datasource.corpus;

import io.kiln.datasource.DataException;
import java.io.Serializable;
import java.util.Arrays;
import java.util.Locale;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.NumericType;
import org.apache.spark.sql.types.UserDefinedType;

/**
 * A column of numbers, of arrays of numbers, or of Spark ML's vectors.
 *
 * @param name for messages
 * @param kind how a value is read
 */
record FeatureColumn(String name, Kind kind) implements Serializable {
  /** How a value is read. */
  enum Kind {
    NUMBER,
    ARRAY,
    VECTOR
  }

  /**
   * @throws DataException if the type holds no numbers
   */
  static FeatureColumn of(String name, DataType type) {
    if (isNumber(type)) {
      return new FeatureColumn(name, Kind.NUMBER);
    }
    if (type instanceof ArrayType array && isNumber(array.elementType())) {
      return new FeatureColumn(name, Kind.ARRAY);
    }
    // Spark ML is not on the class path: its vectors are known by what they are stored as.
    if (type instanceof UserDefinedType<?> udt
        && udt.getClass().getSimpleName().toLowerCase(Locale.ROOT).startsWith("vectorudt")) {
      return new FeatureColumn(name, Kind.VECTOR);
    }
    throw new DataException(
        "Column \""
            + name
            + "\" is "
            + type.simpleString()
            + ", not numbers: give numeric columns, arrays of numbers or vectors");
  }

  private static boolean isNumber(DataType type) {
    return type instanceof NumericType || type instanceof BooleanType;
  }

  /** The column as doubles. */
  Column asDoubles(Column column) {
    return switch (kind) {
      case NUMBER -> column.cast(DataTypes.DoubleType);
      case ARRAY -> column.cast(DataTypes.createArrayType(DataTypes.DoubleType));
      case VECTOR -> column;
    };
  }

  /** Numbers in the value at an ordinal; -1 for null. */
  int width(InternalRow row, int ordinal) {
    if (row.isNullAt(ordinal)) {
      return -1;
    }
    return switch (kind) {
      case NUMBER -> 1;
      case ARRAY -> row.getArray(ordinal).numElements();
      case VECTOR -> {
        InternalRow vector = row.getStruct(ordinal, 4);
        yield vector.getByte(0) == 0 ? vector.getInt(1) : vector.getArray(3).numElements();
      }
    };
  }

  /** Writes the numbers of the value at an ordinal; a null among them becomes NaN. */
  void read(InternalRow row, int ordinal, double[] target, int at) {
    switch (kind) {
      case NUMBER -> target[at] = row.getDouble(ordinal);
      case ARRAY -> {
        ArrayData array = row.getArray(ordinal);
        for (int i = 0; i < array.numElements(); i++) {
          target[at + i] = array.isNullAt(i) ? Double.NaN : array.getDouble(i);
        }
      }
      case VECTOR -> {
        InternalRow vector = row.getStruct(ordinal, 4);
        double[] values = vector.getArray(3).toDoubleArray();
        if (vector.getByte(0) != 0) {
          System.arraycopy(values, 0, target, at, values.length);
        } else {
          int[] indices = vector.getArray(2).toIntArray();
          Arrays.fill(target, at, at + vector.getInt(1), 0);
          for (int i = 0; i < indices.length; i++) {
            target[at + indices[i]] = values[i];
          }
        }
      }
    }
  }
}
