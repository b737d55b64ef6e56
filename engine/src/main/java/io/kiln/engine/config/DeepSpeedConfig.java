package io.kiln.engine.config;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.kiln.engine.tensor.Dtype;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A DeepSpeed configuration as its users have it, read whole and checked. What DeepSpeed knows and
 * Kiln does not is refused by name; nothing is ignored in silence.
 *
 * @param batch samples of a step
 * @param elasticity what other numbers of ranks the batch can be cut for, where enabled
 * @param optimizer AdamW with {@link AutoValues}' parameters where the configuration has none
 * @param groups rates and decay by parameter name and depth
 * @param scheduler constant where the configuration has none
 * @param gradientClipping largest global L2 norm of the gradient; 0: none. DeepSpeed's default is 1
 * @param precision what the model is computed in
 * @param zero what is cut among ranks
 * @param communication how gradients are added up
 * @param stepsPerPrint steps between two progress lines, where said
 * @param wallClockBreakdown whether the parts of a step are timed and told
 * @param notes keys that were understood and change nothing in Kiln, a line each, for the log
 */
public record DeepSpeedConfig(
    BatchSizes batch,
    Optional<ElasticityConfig> elasticity,
    OptimizerConfig optimizer,
    ParameterGroupsConfig groups,
    SchedulerConfig scheduler,
    double gradientClipping,
    PrecisionConfig precision,
    ZeroConfig zero,
    CommunicationConfig communication,
    OptionalLong stepsPerPrint,
    boolean wallClockBreakdown,
    List<String> notes) {
  public DeepSpeedConfig {
    notes = List.copyOf(notes);
  }

  /** As {@link #parse(JsonNode, int, AutoValues)} with {@link AutoValues#defaults()}. */
  public static DeepSpeedConfig parse(JsonNode json, int worldSize) {
    return parse(json, worldSize, AutoValues.defaults());
  }

  /**
   * @param json the configuration inline
   * @param worldSize ranks that share a batch
   * @param auto what {@code "auto"} stands for
   * @throws ConfigException with one line that says where, what, and the mend
   */
  public static DeepSpeedConfig parse(JsonNode json, int worldSize, AutoValues auto) {
    return parse(JsonSection.of("deepspeed", json), worldSize, auto);
  }

  /**
   * @param file JSON; comments and trailing commas are taken, as DeepSpeed does
   */
  public static DeepSpeedConfig parse(Path file, int worldSize, AutoValues auto) {
    return parse(JsonSection.of(file.toString(), read(file)), worldSize, auto);
  }

  /**
   * The elasticity section alone, for whoever has yet to choose a number of ranks.
   *
   * @param json the whole configuration inline
   * @return empty where elasticity is not enabled
   * @throws ConfigException if the section cannot be used
   */
  public static Optional<ElasticityConfig> elasticity(JsonNode json) {
    return ElasticitySection.read(JsonSection.of("deepspeed", json), new ArrayList<>());
  }

  /**
   * The JSON of a configuration file.
   *
   * @throws ConfigException if the file cannot be read, is no JSON or says a key twice
   */
  public static JsonNode read(Path file) {
    try {
      return read(file.toString(), Files.readString(file));
    } catch (IOException e) {
      throw new ConfigException(
          file.toString(),
          "cannot be read: " + e.getClass().getSimpleName() + " " + e.getMessage());
    }
  }

  /**
   * The JSON of a configuration's text; comments and trailing commas are taken, as DeepSpeed does.
   *
   * @param where the text is from, for errors
   * @throws ConfigException if it is no JSON or says a key twice
   */
  public static JsonNode read(String where, String text) {
    try {
      return JsonMapper.builder()
          .enable(
              JsonReadFeature.ALLOW_JAVA_COMMENTS,
              JsonReadFeature.ALLOW_YAML_COMMENTS,
              JsonReadFeature.ALLOW_TRAILING_COMMA)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build()
          .readTree(text);
    } catch (JsonProcessingException e) {
      throw new ConfigException(
          where,
          "line %d, column %d: %s"
              .formatted(
                  e.getLocation() == null ? 1 : e.getLocation().getLineNr(),
                  e.getLocation() == null ? 1 : e.getLocation().getColumnNr(),
                  e.getOriginalMessage().lines().findFirst().orElse("no JSON")));
    }
  }

  private static DeepSpeedConfig parse(JsonSection root, int worldSize, AutoValues auto) {
    if (worldSize < 1) {
      throw new IllegalArgumentException("a run has at least one rank, not " + worldSize);
    }
    List<String> notes = new ArrayList<>();
    PrecisionConfig precision = PrecisionSection.read(root, auto, notes);
    OptimizerSection.Result optimizer = OptimizerSection.read(root, auto);
    Optional<ElasticityConfig> elasticity = ElasticitySection.read(root, notes);
    DeepSpeedConfig config =
        new DeepSpeedConfig(
            elasticity
                .map(e -> ElasticitySection.sizes(e, worldSize, notes))
                .orElseGet(() -> BatchSizes.read(root, worldSize, auto)),
            elasticity,
            optimizer.optimizer(),
            optimizer.groups(),
            SchedulerSection.read(root, auto),
            root.isAuto("gradient_clipping")
                ? auto.gradientClipping()
                : root.numberFrom(0, "gradient_clipping", 1),
            precision,
            ZeroSection.read(root, auto, notes),
            communication(root),
            root.has("steps_per_print")
                ? OptionalLong.of(root.wholeFrom(1, "steps_per_print", 1))
                : OptionalLong.empty(),
            root.flag("wall_clock_breakdown", false),
            List.of());
    ForeignKeys.checkTop(root, notes);
    root.finish();
    return config.withNotes(notes);
  }

  private static CommunicationConfig communication(JsonSection root) {
    double predivide = root.number("gradient_predivide_factor", 1);
    if (!(predivide > 0)) {
      throw root.error("gradient_predivide_factor", "must be above 0, not " + predivide);
    }
    Map<String, Dtype> dtypes = new LinkedHashMap<>();
    for (Dtype dtype : Dtype.values()) {
      dtypes.put(dtype.label(), dtype);
    }
    Optional<Dtype> dataType = root.autoAsAbsent().choice("communication_data_type", dtypes);
    return new CommunicationConfig(root.flag("prescale_gradients", false), predivide, dataType);
  }

  private DeepSpeedConfig withNotes(List<String> lines) {
    return new DeepSpeedConfig(
        batch,
        elasticity,
        optimizer,
        groups,
        scheduler,
        gradientClipping,
        precision,
        zero,
        communication,
        stepsPerPrint,
        wallClockBreakdown,
        lines);
  }
}
