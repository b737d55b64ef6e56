package io.kiln.datasource;

import static io.kiln.datasource.Corpora.MEMORY;
import static io.kiln.datasource.Corpora.refused;
import static io.kiln.datasource.Corpora.section;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.datasource.corpus.SparkTest;
import io.kiln.datasource.lanes.Seats;
import io.kiln.datasource.packing.DataPlan;
import io.kiln.datasource.packing.LabelKind;
import io.kiln.datasource.rank.RankSamples;
import io.kiln.engine.train.BatchSource;
import io.kiln.engine.train.MicroBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(SparkTest.class)
class FeatureDataTest {
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
      Seats seats = new Seats(plan.lanes());
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
              long i = seats.sampleAt(step, (int) batch.firstRow() + row);
              float[] expected = {i * 0.5f, -i, i, i % 2 == 0 ? 1 : 0};
              assertArrayEquals(expected, Arrays.copyOfRange(inputs, 4 * row, 4 * row + 4));
              assertEquals(i % 3, targets[row]);
            }
          }
        }
      }
    }
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
}
