package io.kiln.datasource;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.datasource.corpus.SparkTest;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Which column a name means. */
@ExtendWith(SparkTest.class)
class SourceColumnTest {
  private static Object of(Dataset<Row> frame, String name) {
    return frame.select(SourceColumn.of(frame, name).orElseThrow()).first().get(0);
  }

  @Test
  void a_whole_name_comes_first_dots_and_all(SparkSession spark) {
    Dataset<Row> frame =
        spark.sql(
            "select 1 as `x.1`, 2 as `a.b`, named_struct('b', 3, 'c', 4) as a, 5 as `t``k`, 6 as z");
    assertEquals(1, of(frame, "x.1"));
    assertEquals(2, of(frame, "a.b"));
    assertEquals(4, of(frame, "a.c"));
    assertEquals(5, of(frame, "t`k"));
    assertEquals(6, of(frame, "z"));
    assertEquals(6, of(frame, "Z"));
  }

  @Test
  void what_is_not_there_or_there_twice_is_none(SparkSession spark) {
    Dataset<Row> frame = spark.sql("select 1 as a, 2 as a, 3 as b");
    assertTrue(SourceColumn.of(frame, "a").isEmpty());
    assertTrue(SourceColumn.of(frame, "c").isEmpty());
    assertTrue(SourceColumn.of(frame, "b.c").isEmpty());
    assertTrue(SourceColumn.of(frame, "").isEmpty());
  }
}
