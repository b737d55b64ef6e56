package io.kiln.datasource;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.datasource.lanes.Seats;
import io.kiln.datasource.packing.DataPlan;
import io.kiln.datasource.rank.RankSamples;
import io.kiln.datasource.rank.SampleStorage;
import io.kiln.engine.config.JsonSection;
import io.kiln.engine.train.BatchSource;
import io.kiln.engine.train.MicroBatch;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.function.Executable;

/** Texts as frames, and what the ranks of a plan get of them beside what they should get. */
final class Corpora {
  static final SampleStorage MEMORY = SampleStorage.inMemory();
  private static final StructType TEXT =
      new StructType().add("id", DataTypes.IntegerType).add("text", DataTypes.StringType);

  private Corpora() {}

  static DataSection section(String json) {
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
  static List<long[]> steps(TrainingData data, DataPlan plan, int steps) {
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

  static long[] append(long[] before, MicroBatch batch) {
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
  static List<long[]> expected(int[] tokens, DataPlan plan, int steps) {
    List<long[]> seen = new ArrayList<>();
    int time = plan.shape().stride();
    int micro = plan.microBatch();
    Seats seats = new Seats(plan.lanes());
    for (int step = 1; step <= steps; step++) {
      long[] all = new long[plan.lanes().globalBatch() * 2 * time];
      int at = 0;
      for (int first = 0; first < plan.lanes().globalBatch(); first += micro) {
        for (int shift = 0; shift < 2; shift++) {
          for (int row = first; row < first + micro; row++) {
            int from = (int) seats.sampleAt(step, row) * time + shift;
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

  static void assertSame(List<long[]> expected, List<long[]> actual) {
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i), actual.get(i), "step " + (i + 1));
    }
  }

  static int[] bytes(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    return IntStream.range(0, utf8.length).map(i -> utf8[i] & 0xff).toArray();
  }

  static List<String> documents(int count) {
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

  static Dataset<Row> frame(SparkSession spark, List<String> documents) {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < documents.size(); i++) {
      rows.add(RowFactory.create(i, documents.get(i)));
    }
    return spark.createDataFrame(rows, TEXT);
  }

  static String refused(Executable reading) {
    String message = assertThrows(DataException.class, reading).getMessage();
    assertEquals(1, message.lines().count(), message);
    return message;
  }
}
