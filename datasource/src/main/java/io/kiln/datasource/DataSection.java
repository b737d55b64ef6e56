package io.kiln.datasource;

import com.fasterxml.jackson.databind.JsonNode;
import io.kiln.engine.config.JsonSection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The section {@code data} of a job.
 *
 * @param path files, directories or globs; empty where a DataFrame is given or the format needs
 *     none
 * @param format {@code text} (a file is one document), {@code parquet}, {@code json}, or any other
 *     source that Spark knows
 * @param options passed to Spark's reader
 * @param textColumn empty: see {@link #textColumnOf}
 * @param featureColumns numbers, arrays of numbers or vectors; with them there is no text
 * @param labelColumn of the features
 * @param tokenizer {@code bytes}, {@code chars}, or a directory with a tokenizer.json
 * @param sequenceLength T, tokens that go in at once; empty: the model decides
 * @param validationFraction of the units, the last part in file order, in [0, 1)
 * @param shuffle false: training samples in file order
 */
public record DataSection(
    List<String> path,
    String format,
    Map<String, String> options,
    Optional<String> textColumn,
    List<String> featureColumns,
    Optional<String> labelColumn,
    String tokenizer,
    OptionalInt sequenceLength,
    double validationFraction,
    boolean shuffle) {
  /** The format in which a file is one document. */
  public static final String TEXT = "text";

  public DataSection {
    path = List.copyOf(path);
    // Spark takes the names of formats in any case.
    format = format.equalsIgnoreCase(TEXT) ? TEXT : format;
    options = Map.copyOf(options);
    featureColumns = List.copyOf(featureColumns);
    if (!(validationFraction >= 0 && validationFraction < 1)) {
      throw new DataException(
          "data.validation_fraction is " + validationFraction + ": it must lie in [0, 1)");
    }
    if (featureColumns.isEmpty() != labelColumn.isEmpty()) {
      throw new DataException(
          "data.feature_columns and data.label_column go together: "
              + (labelColumn.isEmpty() ? "data.label_column" : "data.feature_columns")
              + " is missing");
    }
  }

  /** Reads the section; who opened it calls {@link JsonSection#finish}. */
  public static DataSection read(JsonSection section) {
    String format = section.text("format", TEXT);
    Optional<String> textColumn = section.text("text_column");
    List<String> features = section.texts("feature_columns");
    if (!features.isEmpty()) {
      if (textColumn.isPresent()) {
        throw section.error("text_column", "cannot go with feature_columns: choose one");
      }
      for (String ofText : List.of("tokenizer", "sequence_length")) {
        if (section.has(ofText)) {
          throw section.error(
              ofText, "is for text and cannot go with feature_columns: leave it out");
        }
      }
    }
    Map<String, String> options = new LinkedHashMap<>();
    section
        .raw("options")
        .ifPresent(
            json -> {
              if (!json.isObject()) {
                throw section.error("options", "must be an object of reader options");
              }
              for (Map.Entry<String, JsonNode> option : json.properties()) {
                if (!option.getValue().isValueNode()) {
                  throw section.error("options", option.getKey() + " must be a plain value");
                }
                options.put(option.getKey(), option.getValue().asText());
              }
            });
    int sequenceLength = section.integerFrom(1, "sequence_length", Integer.MAX_VALUE);
    return new DataSection(
        section.texts("path"),
        format,
        options,
        textColumn,
        features,
        section.text("label_column"),
        section.text("tokenizer", "bytes"),
        section.has("sequence_length") ? OptionalInt.of(sequenceLength) : OptionalInt.empty(),
        section.number("validation_fraction", 0.1),
        section.flag("shuffle", true));
  }

  /** The named text column; where none is named, {@code text} or, lacking that, {@code value}. */
  public String textColumnOf(List<String> columns) {
    return textColumn.orElse(
        columns.contains("text") || !columns.contains("value") ? "text" : "value");
  }

  /** Whether it describes rows of features, not text. */
  public boolean hasFeatures() {
    return !featureColumns.isEmpty();
  }
}
