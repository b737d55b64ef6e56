package io.kiln.engine.model.family;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.model.DecoderConfig;
import io.kiln.engine.model.Model;

/**
 * A language model.
 *
 * @param modelType family
 * @param config what it computes
 * @param layout how its parameters lie in files
 * @param json its configuration, complete
 * @param function what of it decides the function
 */
public record DecoderDefinition(
    String modelType,
    DecoderConfig config,
    HuggingFaceLayout layout,
    ObjectNode json,
    ObjectNode function)
    implements ModelDefinition {
  public DecoderDefinition {
    json = json.deepCopy();
    function = function.deepCopy();
  }

  @Override
  public Model model() {
    return config.model();
  }

  @Override
  public ObjectNode toJson() {
    return json.deepCopy();
  }

  @Override
  public ObjectNode function() {
    return function.deepCopy();
  }
}
