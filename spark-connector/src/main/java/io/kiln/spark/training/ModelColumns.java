package io.kiln.spark.training;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.datasource.DataSection;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The columns of a DataFrame that a trained model reads.
 *
 * @param text of a language model, where it was named
 * @param features of an mlp; empty for a language model
 */
public record ModelColumns(Optional<String> text, List<String> features) {
  private static final ObjectMapper JSON = new ObjectMapper();

  public ModelColumns {
    features = List.copyOf(features);
  }

  static ModelColumns of(DataSection section) {
    return new ModelColumns(section.textColumn(), section.featureColumns());
  }

  ObjectNode toJson() {
    ObjectNode json = JSON.createObjectNode();
    text.ifPresent(name -> json.put("text_column", name));
    features.forEach(json.putArray("feature_columns")::add);
    return json;
  }

  /** What {@link #toJson()} gave. */
  public static ModelColumns ofJson(JsonNode json) {
    List<String> features = new ArrayList<>();
    json.path("feature_columns").forEach(name -> features.add(name.asText()));
    return new ModelColumns(
        json.path("text_column").isTextual()
            ? Optional.of(json.path("text_column").textValue())
            : Optional.empty(),
        features);
  }
}
