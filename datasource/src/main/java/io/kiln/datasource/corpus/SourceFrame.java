package io.kiln.datasource.corpus;

import io.kiln.datasource.DataException;
import io.kiln.datasource.DataSection;
import io.kiln.datasource.SourceColumn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * The rows to train on and their order: by file path and position in the file where the source is
 * files that Kiln reads itself, else as the DataFrame's partitions and rows come.
 *
 * @param rows the wanted columns, then, in file order, file path and start of the block
 * @param columns how many are wanted
 * @param fileOrder whether the last two columns are there
 */
record SourceFrame(Dataset<Row> rows, int columns, boolean fileOrder) {

  /** Takes what {@link #load} gave, in file order where it is files. */
  static SourceFrame ofFiles(Dataset<Row> frame, List<String> columns) {
    List<Column> selected = new ArrayList<>(select(frame, columns));
    try {
      Column metadata = frame.metadataColumn("_metadata");
      selected.add(metadata.getField("file_path"));
      selected.add(metadata.getField("file_block_start"));
      Dataset<Row> rows = frame.select(selected.toArray(Column[]::new));
      return new SourceFrame(rows, columns.size(), true);
    } catch (Exception noFiles) {
      return of(frame, columns);
    }
  }

  /** Takes a DataFrame as it is. */
  static SourceFrame of(Dataset<Row> frame, List<String> columns) {
    Dataset<Row> rows = frame.select(select(frame, columns).toArray(Column[]::new));
    return new SourceFrame(rows, columns.size(), false);
  }

  /** The same with its wanted columns as doubles. */
  SourceFrame asDoubles(FeatureColumn[] kinds) {
    String[] names = rows.columns();
    // Positions, not names: a column may be wanted twice, and a name may hold a dot.
    Dataset<Row> numbered = rows.toDF(numbered(names.length));
    Column[] cast = new Column[names.length];
    for (int i = 0; i < cast.length; i++) {
      Column column = numbered.col("c" + i);
      cast[i] = i < kinds.length ? kinds[i].asDoubles(column) : column;
    }
    return new SourceFrame(numbered.select(cast), columns, fileOrder);
  }

  private static String[] numbered(int count) {
    return IntStream.range(0, count).mapToObj(i -> "c" + i).toArray(String[]::new);
  }

  /** Opens what the section names. */
  static Dataset<Row> load(SparkSession spark, DataSection section) {
    DataFrameReader reader = spark.read().format(section.format());
    if (section.format().equals(DataSection.TEXT)) {
      if (section.path().isEmpty()) {
        throw new DataException("data.path is missing: name files, directories or globs");
      }
      reader = reader.option("wholetext", true).option("recursiveFileLookup", true);
    }
    reader = reader.options(section.options());
    try {
      return section.path().isEmpty()
          ? reader.load()
          : reader.load(section.path().toArray(String[]::new));
    } catch (Exception e) {
      String message = FailedJob.firstLine(e);
      throw message.contains("PATH_NOT_FOUND")
          ? new DataException(
              "data.path: there is nothing at "
                  + message
                      .replaceFirst(".*?Path does not exist: ", "")
                      .replaceFirst("\\. SQLSTATE.*", "")
                  + ": mend the path")
          : new DataException(
              "data.path "
                  + section.path()
                  + " cannot be read as "
                  + section.format()
                  + ": "
                  + message,
              e);
    }
  }

  private static List<Column> select(Dataset<Row> frame, List<String> names) {
    List<Column> columns = new ArrayList<>();
    for (String name : names) {
      columns.add(
          SourceColumn.of(frame, name)
              .orElseThrow(
                  () ->
                      new DataException(
                          "There is no column \""
                              + name
                              + "\" in the data: it has "
                              + String.join(", ", Arrays.asList(frame.columns())))));
    }
    return columns;
  }
}
