package io.kiln.spark.training;

import com.fasterxml.jackson.databind.JsonNode;
import io.kiln.datasource.DataException;
import io.kiln.datasource.DataSection;
import io.kiln.datasource.TrainingData;
import io.kiln.datasource.packing.LabelKind;
import io.kiln.datasource.tokenizer.ByteTokenizer;
import io.kiln.datasource.tokenizer.Tokenizer;
import io.kiln.engine.config.ConfigException;
import io.kiln.engine.config.ParameterGroupsConfig;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.ParameterSpec;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.DecoderDefinition;
import io.kiln.engine.model.family.HuggingFaceLayout;
import io.kiln.engine.model.family.ModelDefinition;
import io.kiln.engine.model.family.ModelFamilies;
import io.kiln.engine.model.family.PerceptronDefinition;
import io.kiln.engine.model.family.PerceptronDefinition.Problem;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/**
 * The model that a job asks for. Its configuration may leave sizes to the data, so it is looked at
 * twice: before the data is read, with any sizes, for everything else; and after.
 *
 * @param json its configuration
 * @param data what it is to be trained on
 */
public record ModelChoice(JsonNode json, DataSection data) {
  private static final String PATH = "model";

  /**
   * Checks what can be checked without the data.
   *
   * @throws ConfigException or {@link DataException} if it cannot be used
   */
  public void check() {
    ModelDefinition any = provisional();
    if (any instanceof DecoderDefinition decoder) {
      if (data.hasFeatures()) {
        throw new ConfigException(
            "data.feature_columns",
            "a " + decoder.modelType() + " reads text: give data.text_column, or model_type mlp");
      }
      sequenceLength(decoder);
    } else if (!data.hasFeatures()) {
      throw new ConfigException(
          "data.feature_columns", "an mlp needs feature_columns and label_column");
    }
  }

  /**
   * Holds the parameter groups of an optimizer against the names of its parameters.
   *
   * @return what in them is without effect, a line each
   * @throws ConfigException if a group holds for no parameter
   */
  public List<String> check(ParameterGroupsConfig groups) {
    if (groups.rules().isEmpty()) {
      return List.of();
    }
    try (Model model = provisional().model()) {
      return groups.requireMatches(
          HuggingFaceLayout.parameters(model).map(ParameterSpec::name).toList());
    }
  }

  private ModelDefinition provisional() {
    OptionalLong outputs = OptionalLong.of(given("num_labels", given("output_size", 1)));
    return ModelFamilies.parse(
        PATH,
        json,
        new DataSizes(
            OptionalLong.of(vocabulary()), OptionalLong.of(given("input_size", 1)), outputs));
  }

  /** Tokens of the tokenizer; as many as the model wants where only the data says. */
  private long vocabulary() {
    if (data.hasFeatures()) {
      return given("vocab_size", 1);
    }
    return switch (data.tokenizer()) {
      case "bytes" -> ByteTokenizer.VOCABULARY;
      case "chars" -> given("vocab_size", 1);
      default -> {
        Path folder = Path.of(data.tokenizer());
        if (!Files.isDirectory(folder)) {
          throw new DataException(
              "data.tokenizer: \""
                  + folder
                  + "\" is neither bytes nor chars nor a directory with a tokenizer.json");
        }
        try (Tokenizer tokenizer = Tokenizer.load(folder)) {
          yield tokenizer.vocabularySize();
        }
      }
    };
  }

  private long given(String key, long otherwise) {
    JsonNode value = json.path(key);
    return value.isIntegralNumber() && value.longValue() > 0 ? value.longValue() : otherwise;
  }

  /** What the label column is to hold. */
  public LabelKind label() {
    return provisional() instanceof PerceptronDefinition mlp
            && mlp.problem() == Problem.CLASSIFICATION
        ? LabelKind.CLASS
        : LabelKind.VALUE;
  }

  /**
   * The definition, with the sizes that the data has.
   *
   * @throws ConfigException if they contradict each other
   */
  public ModelDefinition definition(TrainingData read) {
    DataSizes sizes =
        read.tokenizer()
            .map(tokenizer -> DataSizes.ofTokens(tokenizer.vocabularySize()))
            .orElseGet(
                () ->
                    new DataSizes(
                        OptionalLong.empty(),
                        OptionalLong.of(read.features().orElseThrow().features()),
                        label() == LabelKind.CLASS
                            ? OptionalLong.empty()
                            : OptionalLong.of(read.features().orElseThrow().outputs())));
    return ModelFamilies.parse(PATH, json, sizes);
  }

  /**
   * Tokens that go in at once.
   *
   * @throws ConfigException if the model has fewer positions
   */
  public int sequenceLength(ModelDefinition definition) {
    if (!(definition instanceof DecoderDefinition decoder)) {
      return 1;
    }
    long longest = decoder.config().longest();
    long length = data.sequenceLength().isPresent() ? data.sequenceLength().getAsInt() : longest;
    if (length > longest) {
      throw new ConfigException(
          "data.sequence_length",
          "is " + length + ", the model has " + longest + " positions: raise those or lower this");
    }
    return Math.toIntExact(length);
  }
}
