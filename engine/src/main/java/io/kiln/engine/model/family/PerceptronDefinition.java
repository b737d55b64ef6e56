package io.kiln.engine.model.family;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.config.JsonSection;
import io.kiln.engine.model.Activation;
import io.kiln.engine.model.Block;
import io.kiln.engine.model.CrossEntropy;
import io.kiln.engine.model.DenseBlock;
import io.kiln.engine.model.MeanSquaredError;
import io.kiln.engine.model.Model;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A perceptron over feature columns.
 *
 * @param inputSize features of a row
 * @param hiddenSizes widths of the layers between
 * @param outputSize classes, or values to predict
 * @param activation after every layer but the last
 * @param problem what the outputs are
 * @param dropout after every activation
 */
public record PerceptronDefinition(
    long inputSize,
    List<Long> hiddenSizes,
    long outputSize,
    Activation activation,
    Problem problem,
    double dropout)
    implements ModelDefinition {

  /** What the outputs are, as Hugging Face's {@code problem_type} names it. */
  public enum Problem {
    /** Values; squared error. */
    REGRESSION("regression"),
    /** Logits of classes of which one is right; cross-entropy. */
    CLASSIFICATION("single_label_classification");

    private final String label;

    Problem(String label) {
      this.label = label;
    }

    /** As the configuration spells it. */
    public String label() {
      return label;
    }
  }

  public PerceptronDefinition {
    hiddenSizes = List.copyOf(hiddenSizes);
  }

  static PerceptronDefinition parse(JsonSection section, DataSizes data) {
    long inputSize = size(section, "input_size", data.features());
    List<Long> hiddenSizes = new ArrayList<>();
    for (double size : section.numbers("hidden_sizes")) {
      if (size != Math.rint(size) || size < 1) {
        throw section.error("hidden_sizes", "must be whole numbers from 1, not " + size);
      }
      hiddenSizes.add((long) size);
    }
    Activation activation = CommonKeys.activation(section, "activation", Activation.RELU);
    boolean labels = section.has("num_labels");
    boolean values = section.has("output_size");
    if (labels && values) {
      throw section.error("num_labels", "and output_size are the same thing: leave one out");
    }
    Optional<Problem> named =
        section.choice(
            "problem_type",
            Map.of(
                Problem.REGRESSION.label(),
                Problem.REGRESSION,
                Problem.CLASSIFICATION.label(),
                Problem.CLASSIFICATION));
    if (named.isEmpty() && !labels && !values && data.outputs().isEmpty()) {
      throw section.error(
          "num_labels",
          "is missing, and no data is there to decide it:"
              + " give num_labels to tell classes apart, output_size to predict values");
    }
    Problem problem = named.orElse(labels ? Problem.CLASSIFICATION : Problem.REGRESSION);
    boolean counted = labels || problem == Problem.CLASSIFICATION && !values;
    long outputSize = size(section, counted ? "num_labels" : "output_size", data.outputs());
    double dropout = CommonKeys.probability(section, "dropout", 0);
    section.raw("model_type");
    section.raw("architectures");
    section.finish();
    return new PerceptronDefinition(
        inputSize, hiddenSizes, outputSize, activation, problem, dropout);
  }

  private static long size(JsonSection section, String key, OptionalLong data) {
    if (!section.has(key) && data.isEmpty()) {
      throw section.error(key, "is missing, and no data is there to decide it");
    }
    long size = section.wholeFrom(1, key, data.orElse(1));
    if (data.isPresent() && data.getAsLong() != size) {
      throw section.error(key, "is " + size + ", but the data has " + data.getAsLong());
    }
    return size;
  }

  @Override
  public String modelType() {
    return "mlp";
  }

  @Override
  public Model model() {
    List<Block> blocks = new ArrayList<>();
    long in = inputSize;
    for (long out : hiddenSizes) {
      blocks.add(new DenseBlock(blocks.size(), in, out, Optional.of(activation), dropout));
      in = out;
    }
    blocks.add(new DenseBlock(blocks.size(), in, outputSize, Optional.empty(), 0));
    return new Model(
        blocks, problem == Problem.CLASSIFICATION ? new CrossEntropy() : new MeanSquaredError());
  }

  @Override
  public HuggingFaceLayout layout() {
    return HuggingFaceLayout.PLAIN;
  }

  @Override
  public ObjectNode toJson() {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("model_type", "mlp").put("input_size", inputSize);
    hiddenSizes.forEach(json.putArray("hidden_sizes")::add);
    json.put("activation", activation.label())
        .put("problem_type", problem.label())
        .put(problem == Problem.CLASSIFICATION ? "num_labels" : "output_size", outputSize)
        .put("dropout", dropout);
    return json;
  }

  @Override
  public ObjectNode function() {
    return toJson().without("dropout");
  }
}
