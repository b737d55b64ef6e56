package io.kiln.datasource;

import static io.kiln.datasource.Corpora.documents;
import static io.kiln.datasource.Corpora.frame;
import static io.kiln.datasource.Corpora.refused;
import static io.kiln.datasource.Corpora.section;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.datasource.corpus.SparkTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What cannot be trained on is told in one line. */
@ExtendWith(SparkTest.class)
class RefusedTextTest {
  @TempDir Path directory;

  private void assertRefused(Dataset<Row> rows, String json, String... parts) {
    String message = refused(() -> TrainingData.ofText(rows, section(json)).close());
    for (String part : parts) {
      assertTrue(message.contains(part), message);
    }
  }

  @Test
  void bad_text_is_refused_in_one_line(SparkSession spark) {
    List<String> documents = new ArrayList<>(documents(9));
    documents.set(5, null);
    Dataset<Row> nulls = frame(spark, documents).coalesce(1);
    for (String tokenizer : new String[] {"bytes", "chars"}) {
      assertRefused(
          nulls,
          "{'tokenizer': '" + tokenizer + "'}",
          "Row 6 of partition 0",
          "Null text in column \"text\"");
    }
    assertRefused(frame(spark, List.of()), "{}", "corpus is empty");
    assertRefused(frame(spark, List.of("", "")), "{}", "corpus is empty");
    assertRefused(frame(spark, List.of()), "{'tokenizer': 'chars'}", "corpus is empty");
    assertRefused(nulls, "{'text_column': 'body'}", "no column \"body\"", "it has id, text");
    assertRefused(nulls, "{'text_column': 'id'}", "\"id\" is int, not text");
    assertRefused(nulls, "{'tokenizer': 'byte'}", "No tokenizer in byte");
  }

  @Test
  void too_little_text_says_how_much_there_is_and_is_needed(SparkSession spark) {
    Dataset<Row> rows = frame(spark, List.of("0123456789".repeat(2)));
    try (TrainingData data = TrainingData.ofText(rows, section("{}"))) {
      String tooShort = refused(() -> data.plan(18, 1, 1, 1, 0));
      assertTrue(tooShort.contains("18 training tokens found (of 20 in all), 19 needed"), tooShort);
      assertEquals(1, data.plan(17, 1, 1, 1, 0).lanes().samples());
      String tooFew = refused(() -> data.plan(4, 8, 2, 2, 0));
      assertTrue(tooFew.contains("4 samples") && tooFew.contains("8"), tooFew);
      String vocabulary = refused(() -> data.requireBelow(57));
      assertTrue(vocabulary.contains("Token 57") && vocabulary.contains("57"), vocabulary);
      data.requireBelow(58);
    }
    DataSection tiny = section("{'validation_fraction': 0.05}");
    try (TrainingData data = TrainingData.ofText(rows, tiny)) {
      String message = refused(() -> data.plan(4, 1, 1, 1, 0));
      assertTrue(message.contains("leaves 1 of 20 tokens"), message);
    }
  }

  @Test
  void a_missing_path_and_an_unknown_format_are_named(SparkSession spark) throws IOException {
    Path missing = directory.resolve("nowhere");
    String path =
        refused(() -> TrainingData.readText(spark, section("{'path': '" + missing + "'}")));
    assertTrue(path.contains("nothing at file:" + missing), path);
    String format =
        refused(
            () ->
                TrainingData.readText(
                    spark, section("{'path': '" + directory + "', 'format': 'parket'}")));
    assertTrue(format.contains("parket"), format);
    String glob =
        refused(
            () -> TrainingData.readText(spark, section("{'path': '" + directory + "/*.none'}")));
    assertTrue(glob.contains("nothing at file:" + directory + "/*.none"), glob);
    Path empty = Files.createDirectory(directory.resolve("empty"));
    String nothing =
        refused(() -> TrainingData.readText(spark, section("{'path': '" + empty + "'}")));
    assertTrue(nothing.contains("corpus is empty: 0 rows or documents"), nothing);
    Path broken = Files.writeString(directory.resolve("broken.parquet"), "not parquet at all");
    String corrupt =
        refused(
            () ->
                TrainingData.readText(
                    spark, section("{'path': '" + broken + "', 'format': 'parquet'}")));
    assertTrue(corrupt.contains("broken.parquet"), corrupt);
    String none = refused(() -> TrainingData.readText(spark, section("{}")));
    assertTrue(none.contains("data.path is missing"), none);
  }

  @Test
  void a_null_in_a_file_is_told_with_the_file(SparkSession spark) {
    String where = directory.resolve("rows").toString();
    List<String> documents = new ArrayList<>(documents(6));
    documents.set(2, null);
    frame(spark, documents).coalesce(1).write().mode(SaveMode.Overwrite).parquet(where);
    String message =
        refused(
            () ->
                TrainingData.readText(
                    spark, section("{'path': '" + where + "', 'format': 'parquet'}")));
    assertTrue(message.contains("Row 3 of file:") && message.contains(".parquet"), message);
  }
}
