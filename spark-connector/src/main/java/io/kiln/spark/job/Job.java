package io.kiln.spark.job;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.datasource.DataSection;
import io.kiln.engine.config.ConfigException;
import io.kiln.engine.config.DeepSpeedConfig;
import io.kiln.engine.config.JsonSection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A job file, read and checked as far as a file alone can be.
 *
 * @param model what to train: Hugging Face's config.json, or the description of an mlp
 * @param data what to train on
 * @param deepspeed a DeepSpeed configuration
 * @param training how long, with which seed
 * @param spark where
 * @param outputDir what is made: a path of any file system that Hadoop knows
 */
public record Job(
    JsonNode model,
    DataSection data,
    JsonNode deepspeed,
    TrainingSection training,
    SparkSection spark,
    String outputDir) {
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
          .build();

  /**
   * Reads a job file. A relative path under {@code model} or {@code deepspeed} counts from the
   * file's folder, or else, where nothing is there, from where the command was called; {@code
   * data.path}, {@code data.tokenizer}, {@code training.checkpoint_dir} and {@code output_dir}
   * always count from there (or from Hadoop's default file system, where one is configured; the
   * tokenizer is local).
   *
   * @param overrides {@code path.to.key=value} each, applied in order
   * @throws ConfigException if it cannot be used
   */
  public static Job read(Path file, List<String> overrides) {
    JsonNode json = readJson(file.toString(), file);
    if (!json.isObject()) {
      throw new ConfigException(file.toString(), "must hold one JSON object");
    }
    Path base = file.toAbsolutePath().getParent();
    Overrides.apply(
        (ObjectNode) json,
        overrides,
        (where, name) ->
            switch (where) {
              case "deepspeed" -> DeepSpeedConfig.read(find(base, name));
              case "model" -> readJson(where, find(base, name));
              default -> null;
            });
    return parse((ObjectNode) json, base);
  }

  /**
   * Checks a job.
   *
   * @param base what a relative path of its {@code deepspeed} or {@code model} counts from
   */
  static Job parse(ObjectNode json, Path base) {
    JsonSection job = JsonSection.of("", json);
    JsonNode model = objectOrFile(job, "model", base);
    DataSection data = DataSection.read(job.section("data").orElseThrow(() -> missing("data")));
    JsonNode deepspeed = deepspeed(job, base);
    TrainingSection training = TrainingSection.parse(job.requiredSection("training"));
    SparkSection spark = SparkSection.parse(job.sectionOrEmpty("spark"));
    String output = job.requiredText("output_dir");
    if (output.isBlank()) {
      throw new ConfigException("output_dir", "is empty");
    }
    job.finish();
    return new Job(model, data, deepspeed, training, spark, output);
  }

  private static JsonNode objectOrFile(JsonSection job, String key, Path base) {
    JsonNode value = job.raw(key).orElseThrow(() -> missing(key));
    return value.isTextual() ? readJson(key, find(base, value.textValue())) : value;
  }

  /** Beside the job file, or else from where the command was called. */
  private static Path find(Path base, String name) {
    Path beside = base.resolve(name);
    return Files.exists(beside) || !Files.exists(Path.of(name)) ? beside : Path.of(name);
  }

  /** DeepSpeed's own files may hold comments and trailing commas. */
  private static JsonNode deepspeed(JsonSection job, Path base) {
    JsonNode value = job.raw("deepspeed").orElseThrow(() -> missing("deepspeed"));
    return value.isTextual() ? DeepSpeedConfig.read(find(base, value.textValue())) : value;
  }

  private static ConfigException missing(String key) {
    return new ConfigException("", "the job needs the section \"" + key + "\"");
  }

  private static JsonNode readJson(String where, Path file) {
    if (!Files.exists(file)) {
      throw new ConfigException(where, "there is no file " + file);
    }
    if (!Files.isRegularFile(file)) {
      throw new ConfigException(where, file + " is no file");
    }
    try {
      return JSON.readTree(Files.readString(file));
    } catch (JsonProcessingException malformed) {
      throw new ConfigException(
          file.toString(),
          "is no JSON: "
              + malformed.getOriginalMessage().lines().findFirst().orElse("")
              + (malformed.getLocation() == null
                  ? ""
                  : " (line "
                      + malformed.getLocation().getLineNr()
                      + ", column "
                      + malformed.getLocation().getColumnNr()
                      + ")"));
    } catch (IOException unreadable) {
      throw new ConfigException(where, file + " cannot be read: " + unreadable);
    }
  }
}
