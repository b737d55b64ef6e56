package io.kiln.datasource.corpus;

import io.kiln.datasource.DataException;
import io.kiln.datasource.DataSection;
import io.kiln.datasource.packing.DataPlan;
import io.kiln.datasource.packing.LabelKind;
import io.kiln.datasource.packing.SampleShape;
import io.kiln.datasource.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.storage.StorageLevel;

/**
 * A source that was encoded once and lies in Spark's storage, memory first and disk after. Every
 * unit has a place in the whole, whatever the partitions: the source is read in one job, which also
 * counts, and nothing is sorted or moved until the samples go to their ranks.
 */
public final class Corpus implements AutoCloseable {
  private static final StorageLevel STORAGE = StorageLevel.MEMORY_AND_DISK();

  private final JavaRDD<UnitChunk> chunks;
  private final Broadcast<RunTable> table;
  private final long units;
  private final long rows;
  private final long greatest;

  private Corpus(
      JavaRDD<UnitChunk> chunks, Broadcast<RunTable> table, long units, long rows, long greatest) {
    this.chunks = chunks;
    this.table = table;
    this.units = units;
    this.rows = rows;
    this.greatest = greatest;
  }

  /** A text column of a source or of a DataFrame, not yet encoded. */
  public static final class Text implements AutoCloseable {
    private final SourceFrame source;
    private final String column;
    private boolean kept;

    private Text(SourceFrame source, String column) {
      this.source = source;
      this.column = column;
      StructField field = source.rows().schema().fields()[0];
      if (!(field.dataType() instanceof StringType)) {
        throw new DataException(
            "Column \""
                + column
                + "\" is "
                + field.dataType().simpleString()
                + ", not text: name a string column as data.text_column");
      }
    }

    /** The distinct characters of the whole, in code point order; one Spark job. */
    public int[] characters() {
      if (!kept) {
        source.rows().persist(STORAGE); // Encoding reads the rows again, the source not.
        kept = true;
      }
      return Characters.of(rdd(source));
    }

    /** Encodes the whole; one Spark job. */
    public Corpus encode(Tokenizer tokenizer) {
      int drop = tokenizer.endOfText().isPresent() ? 1 : 0;
      return Corpus.encode(source, new TextEncoder(tokenizer, column), drop);
    }

    @Override
    public void close() {
      if (kept) {
        source.rows().unpersist();
        kept = false;
      }
    }
  }

  /** The text that a section names. */
  public static Text text(SparkSession spark, DataSection section) {
    Dataset<Row> frame = SourceFrame.load(spark, section);
    String column = section.textColumnOf(List.of(frame.columns()));
    return new Text(SourceFrame.ofFiles(frame, List.of(column)), column);
  }

  /** The text of a DataFrame, in the order of its partitions and rows. */
  public static Text text(Dataset<Row> frame, DataSection section) {
    String column = section.textColumnOf(List.of(frame.columns()));
    return new Text(SourceFrame.of(frame, List.of(column)), column);
  }

  /** A corpus of feature rows and what a row looks like. */
  public record Features(Corpus corpus, SampleShape shape) {}

  /** The feature rows that a section names; two Spark jobs, the first of one row. */
  public static Features features(SparkSession spark, DataSection section, LabelKind label) {
    SourceFrame source = SourceFrame.ofFiles(SourceFrame.load(spark, section), columns(section));
    return features(source, columns(section), label);
  }

  /** The same of a DataFrame, in the order of its partitions and rows. */
  public static Features features(Dataset<Row> frame, DataSection section, LabelKind label) {
    return features(SourceFrame.of(frame, columns(section)), columns(section), label);
  }

  private static List<String> columns(DataSection section) {
    List<String> columns = new ArrayList<>(section.featureColumns());
    columns.add(section.labelColumn().orElseThrow());
    return columns;
  }

  private static Features features(SourceFrame source, List<String> names, LabelKind label) {
    FeatureColumn[] columns = new FeatureColumn[names.size()];
    StructField[] fields = source.rows().schema().fields();
    for (int i = 0; i < columns.length; i++) {
      columns[i] = FeatureColumn.of(names.get(i), fields[i].dataType());
    }
    SourceFrame doubles = source.asDoubles(columns);
    List<int[]> first;
    try {
      first = rdd(doubles).map(row -> widths(columns, row)).take(1);
    } catch (Exception e) {
      throw FailedJob.of(e);
    }
    if (first.isEmpty()) {
      throw new DataException("The data has no rows: nothing to train on");
    }
    FeatureEncoder encoder = new FeatureEncoder(columns, first.get(0), label);
    return new Features(encode(doubles, encoder, 0), encoder.shape());
  }

  private static int[] widths(FeatureColumn[] columns, InternalRow row) {
    int[] widths = new int[columns.length];
    for (int i = 0; i < widths.length; i++) {
      widths[i] = Math.max(0, columns[i].width(row, i));
    }
    return widths;
  }

  private static JavaRDD<InternalRow> rdd(SourceFrame source) {
    return source.rows().queryExecution().toRdd().toJavaRDD();
  }

  private static Corpus encode(SourceFrame source, RowEncoder encoder, int drop) {
    int fileOrdinal = source.fileOrder() ? source.columns() : -1;
    int unitBytes = encoder.unitBytes();
    JavaRDD<UnitChunk> chunks = null;
    try {
      chunks =
          rdd(source)
              .mapPartitionsWithIndex(
                  (partition, rows) -> new ChunkedRows(partition, rows, encoder, fileOrdinal),
                  false);
      chunks.setName("kiln corpus").persist(STORAGE);
      List<RunSummary> runs =
          new ArrayList<>(
              chunks
                  .mapPartitionsWithIndex(
                      (partition, all) -> RunSummary.of(partition, all, unitBytes).iterator(),
                      false)
                  .collect());
      return of(chunks, runs, drop);
    } catch (Exception e) {
      if (chunks != null) {
        chunks.unpersist(false);
      }
      throw FailedJob.of(e);
    }
  }

  private static Corpus of(JavaRDD<UnitChunk> chunks, List<RunSummary> runs, int drop) {
    runs.sort(RunSummary.ORDER);
    long units = 0;
    long rows = 0;
    long greatest = -1;
    for (RunSummary run : runs) {
      if (run.problem != null) {
        throw new DataException(run.problem);
      }
      units += run.units;
      rows += run.rows;
      greatest = Math.max(greatest, run.greatest);
    }
    if (units - drop <= 0) {
      throw new DataException(
          "The corpus is empty: " + rows + " rows or documents found, and no text in them");
    }
    Broadcast<RunTable> table =
        JavaSparkContext.fromSparkContext(chunks.context())
            .broadcast(new RunTable(runs, chunks.getNumPartitions()));
    return new Corpus(chunks, table, units - drop, rows, greatest);
  }

  /** Units in the whole: tokens with those between documents, or rows. */
  public long units() {
    return units;
  }

  /** Documents or rows. */
  public long rows() {
    return rows;
  }

  /** Greatest token or class id that occurs; -1 where there is none. */
  public long greatest() {
    return greatest;
  }

  /**
   * The samples, cut and sent to their ranks: partition r is rank r, its records are for {@link
   * io.kiln.datasource.rank.RankSamples#load}. Lazy; one shuffle. The corpus must stay open until
   * the job that uses it has ended.
   */
  public JavaRDD<byte[]> partitions(DataPlan plan) {
    Broadcast<RunTable> runs = table;
    return JavaPairRDD.fromJavaRDD(
            chunks.mapPartitionsWithIndex(
                (partition, all) -> new PackedRecords(plan, runs.value(), partition, all), false))
        .partitionBy(new RankPartitioner(plan.ranks()))
        .values();
  }

  @Override
  public void close() {
    chunks.unpersist(false);
    table.destroy(false);
  }
}
