package io.kiln.datasource;

import java.util.Arrays;
import java.util.Optional;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/**
 * A column as a person names it: a whole name that the data has, or else what Spark reads in it.
 */
public final class SourceColumn {
  private SourceColumn() {}

  /**
   * Finds it.
   *
   * @param name of a column, dots and all; or of a field in one ({@code struct.field}); in whatever
   *     case where the session takes any
   * @return nothing where there is none, or more than one
   */
  public static Optional<Column> of(Dataset<Row> frame, String name) {
    boolean whole = Arrays.asList(frame.columns()).contains(name);
    try {
      Column column = frame.col(whole ? "`" + name.replace("`", "``") + "`" : name);
      frame.select(column);
      return Optional.of(column);
      // Spark, which is written in Scala, throws checked exceptions past every declaration.
    } catch (Exception unresolved) {
      return Optional.empty();
    }
  }
}
