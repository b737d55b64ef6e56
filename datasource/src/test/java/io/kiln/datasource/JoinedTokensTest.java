package io.kiln.datasource;

import static io.kiln.datasource.Corpora.MEMORY;
import static io.kiln.datasource.Corpora.append;
import static io.kiln.datasource.Corpora.assertSame;
import static io.kiln.datasource.Corpora.bytes;
import static io.kiln.datasource.Corpora.documents;
import static io.kiln.datasource.Corpora.expected;
import static io.kiln.datasource.Corpora.frame;
import static io.kiln.datasource.Corpora.section;
import static io.kiln.datasource.Corpora.steps;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.kiln.datasource.corpus.SparkTest;
import io.kiln.datasource.packing.DataPlan;
import io.kiln.datasource.rank.RankSamples;
import io.kiln.engine.train.BatchSource;
import io.kiln.engine.train.MicroBatch;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import scala.jdk.javaapi.CollectionConverters;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractFunction1;

/** Samples are cut from all documents in order, joined, wherever Spark keeps them. */
@ExtendWith(SparkTest.class)
class JoinedTokensTest {
  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 7, 50})
  void samples_are_those_of_the_joined_tokens_whatever_the_partitions(
      int partitions, SparkSession spark) {
    List<String> documents = documents(60);
    int[] joined = bytes(String.join("", documents));
    Dataset<Row> rows = frame(spark, documents).repartitionByRange(partitions, functions.col("id"));
    try (TrainingData data = TrainingData.ofText(rows, section("{}"))) {
      assertEquals(joined.length, data.units());
      assertEquals(60, data.rows());
      for (int ranks : new int[] {1, 2, 4}) {
        DataPlan plan = data.plan(7, 8, 2, ranks, 99);
        int steps = (int) (2 * plan.lanes().stepsPerEpoch() + 1);
        assertSame(expected(joined, plan, steps), steps(data, plan, steps));
      }
    }
  }

  @Test
  void a_file_is_a_document_with_its_line_ends_and_files_come_in_path_order(SparkSession spark)
      throws IOException {
    Path deep = Files.createDirectories(directory.resolve("b/deeper"));
    // Large files first is how Spark packs them: sizes grow against the path order.
    Files.writeString(directory.resolve("a file.txt"), "first\r\n");
    Files.writeString(directory.resolve("a!file.txt"), "second\r\n"); // behind it: '!' > ' '
    Files.writeString(directory.resolve("b/one.txt"), "x".repeat(100) + "\n\n");
    Files.writeString(deep.resolve("two.txt"), "y".repeat(300));
    Files.writeString(directory.resolve("c.txt"), "ü".repeat(1000) + "\n");
    Files.writeString(directory.resolve("d.md"), "not wanted");
    String joined =
        "first\r\nsecond\r\n"
            + "y".repeat(300)
            + "x".repeat(100)
            + "\n\n"
            + "ü".repeat(1000)
            + "\n";
    DataSection section =
        section(
            ("{'path': ['%1$s/b', '%1$s/*.txt'], 'options': {'pathGlobFilter': '*.txt'},"
                    + " 'shuffle': false, 'validation_fraction': 0}")
                .formatted(directory));
    try (TrainingData data = TrainingData.readText(spark, section)) {
      assertEquals(bytes(joined).length, data.units());
      assertEquals(5, data.rows());
      DataPlan plan = data.plan(11, 2, 1, 2, 1);
      int steps = (int) plan.lanes().stepsPerEpoch();
      assertSame(expected(bytes(joined), plan, steps), steps(data, plan, steps));
    }
  }

  @Test
  void the_format_of_text_may_be_written_in_any_case(SparkSession spark) throws IOException {
    Files.writeString(directory.resolve("a.txt"), "first\r\nsecond\n");
    DataSection section = section("{'path': '%s', 'format': 'Text'}".formatted(directory));
    try (TrainingData data = TrainingData.readText(spark, section)) {
      assertEquals("first\r\nsecond\n".length(), data.units());
      assertEquals(1, data.rows());
    }
  }

  @Test
  void rows_of_files_that_spark_splits_come_in_file_order(SparkSession spark) throws IOException {
    List<String> documents = documents(400);
    StringBuilder first = new StringBuilder();
    StringBuilder second = new StringBuilder();
    for (int i = 0; i < 400; i++) {
      (i < 40 ? first : second)
          .append("{\"text\": \"" + documents.get(i).replace("\n", "\\n") + "\"}\n");
    }
    Files.writeString(directory.resolve("1.json"), first);
    Files.writeString(directory.resolve("2.json"), second);
    spark.conf().set("spark.sql.files.maxPartitionBytes", 900);
    spark.conf().set("spark.sql.files.openCostInBytes", 0);
    DataSection section =
        section("{'path': '%s', 'format': 'json', 'tokenizer': 'chars'}".formatted(directory));
    try (TrainingData data = TrainingData.readText(spark, section)) {
      String joined = String.join("", documents);
      int[] tokens = data.tokenizer().orElseThrow().encode(joined);
      assertEquals(21, data.tokenizer().orElseThrow().vocabularySize());
      assertEquals(tokens.length, data.units());
      DataPlan plan = data.plan(16, 4, 2, 2, 5);
      assertSame(expected(tokens, plan, 20), steps(data, plan, 20));
    } finally {
      spark.conf().unset("spark.sql.files.maxPartitionBytes");
      spark.conf().unset("spark.sql.files.openCostInBytes");
    }
  }

  @Test
  void documents_are_joined_by_the_end_of_text_token(SparkSession spark) throws Exception {
    Path words = Path.of(JoinedTokensTest.class.getResource("/tokenizers/words").toURI());
    List<String> documents = List.of("the kiln fires", "", "clay and glaze", "slow");
    Dataset<Row> rows = frame(spark, documents).repartitionByRange(3, functions.col("id"));
    DataSection section =
        section("{'tokenizer': '%s', 'validation_fraction': 0, 'shuffle': false}".formatted(words));
    try (TrainingData data = TrainingData.ofText(rows, section)) {
      int[] joined = {1, 2, 3, 9, 9, 4, 5, 6, 9, 8};
      assertEquals(joined.length, data.units());
      DataPlan plan = data.plan(3, 1, 1, 1, 0);
      assertEquals(3, plan.lanes().samples());
      assertSame(expected(joined, plan, 3), steps(data, plan, 3));
    }
  }

  @Test
  void partition_r_is_rank_r_of_a_barrier_stage(SparkSession spark) {
    List<String> documents = documents(60);
    int[] joined = bytes(String.join("", documents));
    try (TrainingData data = TrainingData.ofText(frame(spark, documents), section("{}"))) {
      DataPlan plan = data.plan(7, 8, 2, 2, 99);
      RDD<long[]> steps =
          data.partitions(plan)
              .rdd()
              .barrier()
              .mapPartitions(
                  new FirstStep(plan), false, ClassTag$.MODULE$.<long[]>apply(long[].class));
      List<long[]> ranks = JavaRDD.fromRDD(steps, ClassTag$.MODULE$.apply(long[].class)).collect();
      long[] together = Arrays.copyOf(ranks.get(0), 8 * 2 * 7);
      System.arraycopy(ranks.get(1), 0, together, 4 * 2 * 7, 4 * 2 * 7);
      assertArrayEquals(expected(joined, plan, 1).get(0), together);
    }
  }

  /** What a barrier task does, for one step. */
  private static final class FirstStep
      extends AbstractFunction1<
          scala.collection.Iterator<byte[]>, scala.collection.Iterator<long[]>>
      implements Serializable {
    private static final long serialVersionUID = 1L;
    private final DataPlan plan;

    FirstStep(DataPlan plan) {
      this.plan = plan;
    }

    @Override
    public scala.collection.Iterator<long[]> apply(scala.collection.Iterator<byte[]> records) {
      int rank = BarrierTaskContext.get().partitionId();
      try (RankSamples samples =
              RankSamples.load(plan, rank, CollectionConverters.asJava(records), MEMORY);
          BatchSource source = samples.batches(1, 1)) {
        long[] seen = new long[0];
        for (MicroBatch batch : source.next(1)) {
          seen = append(seen, batch);
        }
        return CollectionConverters.asScala(List.of(seen).iterator());
      }
    }
  }
}
