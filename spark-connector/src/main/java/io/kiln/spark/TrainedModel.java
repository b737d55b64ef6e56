package io.kiln.spark;

import io.kiln.datasource.tokenizer.Tokenizer;
import io.kiln.engine.config.ConfigException;
import io.kiln.engine.model.family.ModelDefinition;
import io.kiln.engine.model.family.PerceptronDefinition;
import io.kiln.spark.inference.Generation;
import io.kiln.spark.inference.ModelCopy;
import io.kiln.spark.inference.Prediction;
import io.kiln.spark.inference.TextContinuation;
import io.kiln.spark.output.ModelFile;
import io.kiln.spark.output.OutputDirectory;
import io.kiln.spark.output.TrainingSummary;
import io.kiln.spark.training.ModelColumns;
import io.kiln.spark.training.TrainingRun;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.SerializableConfiguration;

/**
 * A model in a folder: {@code config.json}, {@code model.safetensors} with Hugging Face's names,
 * the tokenizer, and how its training went. Immutable; the values stay in the folder until
 * executors read them.
 */
public final class TrainedModel {
  /** Column that {@link #transform} adds for an mlp. */
  public static final String PREDICTION = "prediction";

  /** Column that {@link #transform} adds for a language model. */
  public static final String GENERATED_TEXT = "generated_text";

  private static final String CONFIG = "config.json";
  private static final Generation DEFAULT_GENERATION = Generation.greedy(64);

  private final SparkSession session;
  private final OutputDirectory folder;
  private final ModelCopy copy;
  private final ModelColumns columns;
  private final Generation generation;

  private TrainedModel(
      SparkSession session,
      OutputDirectory folder,
      ModelCopy copy,
      ModelColumns columns,
      Generation generation) {
    this.session = session;
    this.folder = folder;
    this.copy = copy;
    this.columns = columns;
    this.generation = generation;
  }

  /**
   * Opens a folder that a run has made, or one in Hugging Face's layout.
   *
   * @throws ConfigException if there is no model in it
   */
  public static TrainedModel load(SparkSession session, String path) {
    OutputDirectory folder = OutputDirectory.of(path, session.sparkContext().hadoopConfiguration());
    for (String needed : List.of(CONFIG, ModelFile.NAME)) {
      if (!folder.has(needed)) {
        throw new ConfigException("", "there is no model in " + path + ": it has no " + needed);
      }
    }
    Map<String, byte[]> tokenizer = new LinkedHashMap<>();
    for (String name : Tokenizer.fileNames()) {
      if (folder.has(name)) {
        tokenizer.put(name, folder.read(name));
      }
    }
    ModelCopy copy =
        new ModelCopy(
            folder.readJson(CONFIG).toString(),
            tokenizer,
            folder.path(),
            new SerializableConfiguration(session.sparkContext().hadoopConfiguration()));
    ModelColumns columns =
        folder.has(TrainingRun.COLUMNS)
            ? ModelColumns.ofJson(folder.readJson(TrainingRun.COLUMNS))
            : new ModelColumns(Optional.empty(), List.of());
    return new TrainedModel(session, folder, copy, columns, DEFAULT_GENERATION);
  }

  /** Where it is, with the scheme of the file system. */
  public String path() {
    return folder.path();
  }

  /** Where it is, as a person writes it. */
  public String shownPath() {
    return folder.shown();
  }

  /** Column of text that {@link #transform} reads where the data has one of that name. */
  public String textColumn() {
    return columns.text().orElse("text");
  }

  /** The tokenizer, if it reads text; whoever asks closes it. */
  public Optional<Tokenizer> openTokenizer() {
    return copy.openTokenizer();
  }

  /** What it is. */
  public ModelDefinition definition() {
    return copy.definition();
  }

  /** How its training went. */
  public TrainingSummary summary() {
    return TrainingSummary.ofJson(folder.readJson(TrainingSummary.NAME));
  }

  /**
   * Copies it to a folder that is not there yet.
   *
   * @return the copy
   */
  public TrainedModel save(String path) {
    OutputDirectory target = OutputDirectory.of(path, session.sparkContext().hadoopConfiguration());
    target.claim(false);
    folder.names().forEach(name -> folder.copyTo(name, target));
    return load(session, path).generating(generation);
  }

  /** The same model, whose {@link #transform} continues texts in another way. */
  public TrainedModel generating(Generation how) {
    return new TrainedModel(session, folder, copy, columns, how);
  }

  /**
   * Adds what the model says of every row, inside executors: for an mlp the column {@code
   * prediction} (the class or value as a double; an array where it predicts several values), for a
   * language model the column {@code generated_text}, the continuation of the text column (64
   * tokens of the likeliest, unless {@link #generating} says otherwise).
   *
   * <p>It is null for a row that cannot be predicted, which ends no job: a feature that is null (in
   * an array too) or no finite number, an array or vector of another length than the model's; a
   * text that is null, has a character that the tokenizer or the model does not know, or is empty
   * where the tokenizer has no token that ends a document (bytes and chars have none). A column
   * that holds no numbers at all still fails the job.
   *
   * @throws ConfigException if a column is missing, or a language model's tokenizer.json
   */
  public Dataset<Row> transform(Dataset<Row> rows) {
    return definition() instanceof PerceptronDefinition mlp ? predict(rows, mlp) : generate(rows);
  }

  private Dataset<Row> predict(Dataset<Row> rows, PerceptronDefinition mlp) {
    Inputs inputs = Inputs.of(rows, columns.features());
    boolean several =
        mlp.problem() == PerceptronDefinition.Problem.REGRESSION && mlp.outputSize() > 1;
    DataType type =
        several ? DataTypes.createArrayType(DataTypes.DoubleType) : DataTypes.DoubleType;
    return inputs.without(
        inputs
            .rows()
            .mapPartitions(
                new Prediction(copy, inputs.indices()),
                Encoders.row(with(inputs.rows().schema(), PREDICTION, type))));
  }

  private Dataset<Row> generate(Dataset<Row> rows) {
    List<String> names = Arrays.asList(rows.columns());
    String column = !names.contains("text") && names.contains("value") ? "value" : "text";
    column = columns.text().orElse(column);
    copy.requiredTokenizer().close();
    Inputs inputs = Inputs.of(rows, List.of(column));
    return inputs.without(
        inputs
            .rows()
            .mapPartitions(
                new TextContinuation(copy, inputs.indices().get(0), generation),
                Encoders.row(with(inputs.rows().schema(), GENERATED_TEXT, DataTypes.StringType))));
  }

  private static StructType with(StructType schema, String name, DataType type) {
    if (Arrays.asList(schema.fieldNames()).contains(name)) {
      throw new ConfigException("", "the data has a column \"" + name + "\" already: rename it");
    }
    return schema.add(name, type, true);
  }
}
