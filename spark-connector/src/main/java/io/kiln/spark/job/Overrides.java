package io.kiln.spark.job;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.kiln.engine.config.ConfigException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;

/**
 * Values set from the command line, as {@code training.max_steps=20}. The value is JSON where it
 * parses as such ({@code 20}, {@code true}, {@code [1,2]}, {@code {"stage":3}}, {@code null}) and a
 * string otherwise. A number in the path is an index into an array. Everything behind {@code
 * spark.conf.} is one key, as Spark's own names have dots.
 */
final class Overrides {
  private static final String SPARK_CONF = "spark.conf.";
  private static final ObjectMapper JSON =
      new ObjectMapper()
          .enable(com.fasterxml.jackson.databind.DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private Overrides() {}

  /**
   * Applies them in order.
   *
   * @param assignments {@code path=value} each
   * @param files reads the file that a string at a path names, where a path leads into it
   */
  static void apply(
      ObjectNode job, List<String> assignments, BiFunction<String, String, JsonNode> files) {
    for (String assignment : assignments) {
      int equals = assignment.indexOf('=');
      String path = equals < 0 ? assignment : assignment.substring(0, equals).strip();
      if (equals < 0 || path.isEmpty() || path.startsWith(".") || path.endsWith(".")) {
        throw new ConfigException(
            "--set " + assignment,
            "must have the form path.to.key=value, as training.max_steps=20");
      }
      set(job, path, value(assignment.substring(equals + 1)), files);
    }
  }

  private static JsonNode value(String text) {
    try {
      JsonNode parsed = JSON.readTree(text);
      return parsed == null || parsed.isMissingNode() ? TextNode.valueOf(text) : parsed;
    } catch (JsonProcessingException aString) {
      return TextNode.valueOf(text);
    }
  }

  private static void set(
      ObjectNode job, String path, JsonNode value, BiFunction<String, String, JsonNode> files) {
    List<String> keys = keys(path);
    JsonNode at = job;
    StringBuilder walked = new StringBuilder();
    for (int i = 0; i < keys.size() - 1; i++) {
      String key = keys.get(i);
      walked.append(i == 0 ? "" : ".").append(key);
      JsonNode next = at.isArray() ? element((ArrayNode) at, key, path) : at.get(key);
      if (next == null || next.isNull()) {
        next = ((ObjectNode) at).putObject(key);
      } else if (next.isTextual()) {
        next = files.apply(walked.toString(), next.textValue());
        if (next != null && at.isObject()) {
          ((ObjectNode) at).set(key, next);
        }
      }
      if (next == null || !next.isContainerNode()) {
        throw new ConfigException("--set " + path, walked + " is a value, not an object");
      }
      at = next;
    }
    String last = keys.get(keys.size() - 1);
    if (at.isArray()) {
      element((ArrayNode) at, last, path);
      ((ArrayNode) at).set(Integer.parseInt(last), value);
    } else {
      ((ObjectNode) at).set(last, value);
    }
  }

  private static List<String> keys(String path) {
    if (path.startsWith(SPARK_CONF)) {
      return List.of("spark", "conf", path.substring(SPARK_CONF.length()));
    }
    List<String> keys = new ArrayList<>(List.of(path.split("\\.")));
    if (keys.contains("")) {
      throw new ConfigException("--set " + path, "has an empty key between two dots");
    }
    return keys;
  }

  private static JsonNode element(ArrayNode array, String index, String path) {
    if (!index.matches("\\d{1,9}") || Integer.parseInt(index) >= array.size()) {
      throw new ConfigException(
          "--set " + path,
          "\"" + index + "\" is no index of an array of " + array.size() + " elements");
    }
    return array.get(Integer.parseInt(index));
  }
}
