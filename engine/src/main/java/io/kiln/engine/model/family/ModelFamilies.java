package io.kiln.engine.model.family;

import com.fasterxml.jackson.databind.JsonNode;
import io.kiln.engine.config.ConfigException;
import io.kiln.engine.config.JsonSection;
import io.kiln.engine.config.NearestName;
import java.util.List;

/** The door of the families: a configuration goes in, a definition comes out. */
public final class ModelFamilies {
  private static final List<String> KNOWN = List.of("gpt2", "llama", "mlp");

  private ModelFamilies() {}

  /**
   * Reads a Hugging Face {@code config.json} of {@code model_type} gpt2 or llama, or Kiln's own
   * mlp. Keys that are left out have Hugging Face's defaults.
   *
   * @param path what the object is called in errors, such as {@code model}
   * @param config the object
   * @param data sizes that the data knows
   * @throws ConfigException with one line, if it cannot be used
   */
  public static ModelDefinition parse(String path, JsonNode config, DataSizes data) {
    JsonSection section = JsonSection.of(path, config);
    String type = section.requiredText("model_type");
    return switch (type) {
      case "gpt2" -> Gpt2Family.parse(section, config, data);
      case "llama" -> LlamaFamily.parse(section, config, data);
      case "mlp" -> PerceptronDefinition.parse(section, data);
      default ->
          throw section.error(
              "model_type",
              "there is no \""
                  + type
                  + "\": "
                  + NearestName.of(type, KNOWN)
                      .map(n -> "did you mean \"" + n + "\"?")
                      .orElse("use one of " + String.join(", ", KNOWN)));
    };
  }
}
