package io.kiln.datasource;

import static io.kiln.datasource.Corpora.assertSame;
import static io.kiln.datasource.Corpora.documents;
import static io.kiln.datasource.Corpora.frame;
import static io.kiln.datasource.Corpora.section;
import static io.kiln.datasource.Corpora.steps;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.datasource.corpus.SparkTest;
import io.kiln.datasource.packing.DataPlan;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A source is read once, and what was kept of it is let go. */
@ExtendWith(SparkTest.class)
class ReadOnceTest {
  @Test
  void the_source_is_read_once(SparkSession spark) {
    for (String tokenizer : new String[] {"bytes", "chars"}) {
      var reads = spark.sparkContext().longAccumulator();
      var counted =
          functions.udf(
              (String text) -> {
                reads.add(1);
                return text;
              },
              DataTypes.StringType);
      Dataset<Row> rows =
          frame(spark, documents(30))
              .repartition(3)
              .select(counted.apply(functions.col("text")).as("text"));
      try (TrainingData data =
          TrainingData.ofText(rows, section("{'tokenizer': '" + tokenizer + "'}"))) {
        DataPlan plan = data.plan(5, 4, 2, 2, 1);
        steps(data, plan, 3);
        steps(data, plan, 3);
        assertEquals(30, reads.value());
      }
    }
  }

  @Test
  void a_lost_block_that_comes_back_different_is_refused(SparkSession spark) {
    var turn = new AtomicInteger();
    TURNS.put(1, turn);
    var changing =
        functions.udf(
            (String text) -> text.replace('a', (char) ('a' + TURNS.get(1).get())),
            DataTypes.StringType);
    Dataset<Row> rows =
        frame(spark, documents(30))
            .repartition(2)
            .select(changing.apply(functions.col("text")).as("text"));
    try (TrainingData data = TrainingData.ofText(rows, section("{}"))) {
      DataPlan plan = data.plan(5, 4, 2, 2, 1);
      List<long[]> before = steps(data, plan, 3);
      loseBlocks(spark);
      assertSame(before, steps(data, plan, 3));
      loseBlocks(spark);
      turn.set(1);
      Exception failure = assertThrows(Exception.class, () -> steps(data, plan, 3));
      assertTrue(failure.getMessage().contains("gave other rows when it was read again"));
    } finally {
      TURNS.clear();
    }
  }

  /** What the function above sees: Spark serializes it, and local mode shares this JVM. */
  private static final Map<Integer, AtomicInteger> TURNS = new ConcurrentHashMap<>();

  private static void loseBlocks(SparkSession spark) {
    spark.sparkContext().getPersistentRDDs().values().foreach(rdd -> rdd.unpersist(true));
  }

  @Test
  void nothing_stays_in_sparks_storage(SparkSession spark) {
    int before = spark.sparkContext().getPersistentRDDs().size();
    DataSection section = section("{'tokenizer': 'chars'}");
    try (TrainingData data = TrainingData.ofText(frame(spark, documents(9)), section)) {
      assertEquals(before + 1, spark.sparkContext().getPersistentRDDs().size());
      assertEquals(9, data.rows());
    }
    assertThrows(
        DataException.class,
        () -> TrainingData.ofText(frame(spark, Arrays.asList("a", null)), section));
    assertEquals(before, spark.sparkContext().getPersistentRDDs().size());
  }
}
