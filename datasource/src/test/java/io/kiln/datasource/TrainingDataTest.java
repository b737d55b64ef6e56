package io.kiln.datasource;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.datasource.corpus.SparkTest;
import io.kiln.datasource.packing.DataPlan;
import io.kiln.datasource.packing.LabelKind;
import io.kiln.datasource.rank.RankSamples;
import io.kiln.datasource.rank.SampleStorage;
import io.kiln.engine.config.JsonSection;
import io.kiln.engine.train.BatchSource;
import io.kiln.engine.train.MicroBatch;
import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import scala.jdk.javaapi.CollectionConverters;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractFunction1;

@ExtendWith(SparkTest.class)
class TrainingDataTest {
  private static final SampleStorage MEMORY = SampleStorage.inMemory();
  private static final StructType TEXT =
      new StructType().add("id", DataTypes.IntegerType).add("text", DataTypes.StringType);

  @TempDir Path directory;

  private static DataSection section(String json) {
    try {
      String quoted = json.replace('\'', '"');
      JsonSection section = JsonSection.of("data", new ObjectMapper().readTree(quoted));
      DataSection data = DataSection.read(section);
      section.finish();
      return data;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** All that a plan's ranks get, through the shuffle, as micro-batches of one epoch and more. */
  private static List<long[]> steps(TrainingData data, DataPlan plan, int steps) {
    JavaRDD<byte[]> partitions = data.partitions(plan);
    assertEquals(plan.ranks(), partitions.getNumPartitions());
    List<List<byte[]>> records = partitions.glom().collect();
    List<long[]> seen = new ArrayList<>();
    for (int step = 0; step < steps; step++) {
      seen.add(new long[0]);
    }
    for (int rank = 0; rank < plan.ranks(); rank++) {
      try (RankSamples samples =
              RankSamples.load(plan, rank, records.get(rank).iterator(), MEMORY);
          BatchSource source = samples.batches(1, 1)) {
        for (int step = 0; step < steps; step++) {
          for (MicroBatch batch : source.next(step + 1)) {
            seen.set(step, append(seen.get(step), batch));
          }
        }
      }
    }
    return seen;
  }

  private static long[] append(long[] before, MicroBatch batch) {
    int count = (int) batch.inputs().numel();
    long[] all = Arrays.copyOf(before, before.length + 2 * count);
    long[] half = new long[count];
    batch.inputs().data_ptr_long().get(half);
    System.arraycopy(half, 0, all, before.length, count);
    batch.targets().data_ptr_long().get(half);
    System.arraycopy(half, 0, all, before.length + count, count);
    return all;
  }

  /** The same straight from the joined tokens. */
  private static List<long[]> expected(int[] tokens, DataPlan plan, int steps) {
    List<long[]> seen = new ArrayList<>();
    int time = plan.shape().stride();
    int micro = plan.microBatch();
    for (int step = 1; step <= steps; step++) {
      long[] all = new long[plan.lanes().globalBatch() * 2 * time];
      int at = 0;
      for (int first = 0; first < plan.lanes().globalBatch(); first += micro) {
        for (int shift = 0; shift < 2; shift++) {
          for (int row = first; row < first + micro; row++) {
            int from = (int) plan.lanes().sampleAt(step, row) * time + shift;
            for (int i = 0; i < time; i++) {
              all[at++] = tokens[from + i];
            }
          }
        }
      }
      seen.add(all);
    }
    return seen;
  }

  private static void assertSame(List<long[]> expected, List<long[]> actual) {
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i), actual.get(i), "step " + (i + 1));
    }
  }

  private static int[] bytes(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    return IntStream.range(0, utf8.length).map(i -> utf8[i] & 0xff).toArray();
  }

  private static List<String> documents(int count) {
    Random random = new Random(8);
    List<String> documents = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      StringBuilder text = new StringBuilder();
      for (int n = random.nextInt(40); n > 0; n--) {
        text.append((char) ('a' + random.nextInt(20)));
      }
      documents.add(text.append('\n').toString());
    }
    return documents;
  }

  private static Dataset<Row> frame(SparkSession spark, List<String> documents) {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < documents.size(); i++) {
      rows.add(RowFactory.create(i, documents.get(i)));
    }
    return spark.createDataFrame(rows, TEXT);
  }

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
    Path words = Path.of(TrainingDataTest.class.getResource("/tokenizers/words").toURI());
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
  void features_and_labels_go_the_same_way(SparkSession spark) {
    StructType type =
        new StructType()
            .add("a", DataTypes.IntegerType)
            .add("b", DataTypes.createArrayType(DataTypes.DoubleType))
            .add("flag", DataTypes.BooleanType)
            .add("label", DataTypes.DoubleType);
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      rows.add(RowFactory.create(i, new double[] {i * 0.5, -i}, i % 2 == 0, (double) (i % 3)));
    }
    Dataset<Row> frame =
        spark.createDataFrame(rows, type).repartitionByRange(4, functions.col("a"));
    DataSection section =
        section("{'feature_columns': ['b', 'a', 'flag'], 'label_column': 'label'}");
    try (TrainingData data = TrainingData.ofFeatures(frame, section, LabelKind.CLASS)) {
      assertEquals(50, data.units());
      assertEquals(4, data.features().orElseThrow().features());
      data.requireBelow(3);
      String message = assertThrows(DataException.class, () -> data.requireBelow(2)).getMessage();
      assertTrue(message.contains("Class 2") && message.contains("label"), message);
      DataPlan plan = data.plan(0, 4, 2, 2, 13);
      List<List<byte[]>> records = data.partitions(plan).glom().collect();
      for (int rank = 0; rank < 2; rank++) {
        try (RankSamples samples =
                RankSamples.load(plan, rank, records.get(rank).iterator(), MEMORY);
            BatchSource source = samples.batches(1, 1)) {
          for (long step = 1; step <= 11; step++) {
            MicroBatch batch = source.next(step).get(0);
            float[] inputs = new float[8];
            long[] targets = new long[2];
            batch.inputs().data_ptr_float().get(inputs);
            batch.targets().data_ptr_long().get(targets);
            for (int row = 0; row < 2; row++) {
              long i = plan.lanes().sampleAt(step, (int) batch.firstRow() + row);
              float[] expected = {i * 0.5f, -i, i, i % 2 == 0 ? 1 : 0};
              assertArrayEquals(expected, Arrays.copyOfRange(inputs, 4 * row, 4 * row + 4));
              assertEquals(i % 3, targets[row]);
            }
          }
        }
      }
    }
  }

  private static String refused(Executable reading) {
    String message = assertThrows(DataException.class, reading).getMessage();
    assertEquals(1, message.lines().count(), message);
    return message;
  }

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

  @Test
  void bad_features_are_refused_in_one_line(SparkSession spark) {
    StructType type =
        new StructType()
            .add("x", DataTypes.DoubleType)
            .add("v", DataTypes.createArrayType(DataTypes.FloatType))
            .add("name", DataTypes.StringType)
            .add("y", DataTypes.DoubleType);
    Row good = RowFactory.create(1.0, new Float[] {1f, 2f}, "a", 1.0);
    record Case(Row row, String features, LabelKind label, String message) {}
    for (Case bad :
        List.of(
            new Case(good, "'name'", LabelKind.CLASS, "\"name\" is string, not numbers"),
            new Case(good, "'z'", LabelKind.CLASS, "no column \"z\""),
            new Case(
                RowFactory.create(Double.NaN, new Float[] {1f, 2f}, "a", 1.0),
                "'x'",
                LabelKind.CLASS,
                "Row 2 of partition 0: Column \"x\" holds NaN"),
            new Case(
                RowFactory.create(1e300, new Float[] {1f, 2f}, "a", 1.0),
                "'x'",
                LabelKind.CLASS,
                "too large for fp32"),
            new Case(
                RowFactory.create(null, new Float[] {1f, 2f}, "a", 1.0),
                "'x'",
                LabelKind.CLASS,
                "Null in column \"x\""),
            new Case(
                RowFactory.create(1.0, new Float[] {1f}, "a", 1.0),
                "'v'",
                LabelKind.CLASS,
                "has 1 numbers where the first row has 2"),
            new Case(
                RowFactory.create(1.0, new Float[] {1f, null}, "a", 1.0),
                "'v'",
                LabelKind.CLASS,
                "Column \"v\" holds NaN"),
            new Case(
                RowFactory.create(1.0, new Float[] {1f, 2f}, "a", 0.5),
                "'x'",
                LabelKind.CLASS,
                "a class is a whole number"),
            new Case(
                RowFactory.create(1.0, new Float[] {1f, 2f}, "a", -1.0),
                "'x'",
                LabelKind.CLASS,
                "a class is a whole number"))) {
      Dataset<Row> frame = spark.createDataFrame(List.of(good, bad.row()), type).coalesce(1);
      DataSection section =
          section("{'feature_columns': [" + bad.features() + "], 'label_column': 'y'}");
      String message = refused(() -> TrainingData.ofFeatures(frame, section, bad.label()).close());
      assertTrue(message.contains(bad.message()), message);
    }
    DataSection section = section("{'feature_columns': 'x', 'label_column': 'y'}");
    String empty =
        refused(
            () ->
                TrainingData.ofFeatures(
                    spark.createDataFrame(List.of(), type), section, LabelKind.VALUE));
    assertTrue(empty.contains("no rows"), empty);
  }

  @Test
  void the_section_refuses_what_contradicts_itself() {
    assertThrows(DataException.class, () -> section("{'feature_columns': 'x'}"));
    assertThrows(DataException.class, () -> section("{'validation_fraction': 1}"));
    assertThrows(
        IllegalArgumentException.class,
        () -> section("{'feature_columns': 'x', 'label_column': 'y', 'text_column': 'z'}"));
    assertThrows(IllegalArgumentException.class, () -> section("{'sequence_lenght': 4}"));
    assertEquals("value", section("{}").textColumnOf(List.of("value")));
    assertEquals("text", section("{}").textColumnOf(List.of("id", "text", "value")));
    assertEquals("id", section("{'text_column': 'id'}").textColumnOf(List.of("id", "text")));
    assertEquals(List.of("a", "b"), section("{'path': ['a', 'b']}").path());
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
