package io.kiln.spark;

import io.kiln.datasource.SourceColumn;
import io.kiln.engine.config.ConfigException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/**
 * The columns that a model reads, found as they are for training: what is no whole column of the
 * data (a field of one, a name in another case) lies in one that is added and taken away again.
 *
 * @param rows with the added columns
 * @param indices of the columns that are read
 * @param added names of those
 */
record Inputs(Dataset<Row> rows, List<Integer> indices, List<String> added) {
  private static final String ADDED = "_kiln_input_";

  /**
   * Finds them.
   *
   * @throws ConfigException if one is not there
   */
  static Inputs of(Dataset<Row> rows, List<String> names) {
    List<String> there = Arrays.asList(rows.columns());
    Dataset<Row> widened = rows;
    List<Integer> indices = new ArrayList<>();
    List<String> added = new ArrayList<>();
    for (String name : names) {
      int index = there.indexOf(name);
      if (index < 0) {
        Column column =
            SourceColumn.of(rows, name)
                .orElseThrow(
                    () ->
                        new ConfigException(
                            "",
                            "there is no column \""
                                + name
                                + "\" in the data: it has "
                                + String.join(", ", there)));
        index = there.size() + added.size();
        added.add(ADDED + added.size());
        widened = widened.withColumn(added.get(added.size() - 1), column);
      }
      indices.add(index);
    }
    return new Inputs(widened, List.copyOf(indices), List.copyOf(added));
  }

  /** What became of the rows, without what was added. */
  Dataset<Row> without(Dataset<Row> result) {
    return result.drop(added.toArray(String[]::new));
  }
}
