package io.kiln.spark.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import io.kiln.engine.checkpoint.CheckpointManifest;
import io.kiln.engine.checkpoint.StoredShard;
import io.kiln.engine.tensor.Dtype;
import io.kiln.engine.train.TrainingState;
import io.kiln.spark.console.ByteSize;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What a manifest says, for a person. Everything but step and files is optional: another Kiln may
 * have written it.
 *
 * @param manifest that is told
 */
public record ManifestText(CheckpointManifest manifest) {
  private static final String UNKNOWN = "-";

  private JsonNode content(String key) {
    return manifest.content().path(key);
  }

  /** When it was written, in UTC to the second. */
  public String written() {
    return content("written").asText(UNKNOWN);
  }

  /** Length of all its files. */
  public String size() {
    return ByteSize.text(manifest.bytes());
  }

  /** Number of ranks that wrote it. */
  public String ranks() {
    JsonNode mesh = content("mesh");
    if (mesh.isEmpty()) {
      return UNKNOWN;
    }
    long ranks = 1;
    for (JsonNode axis : mesh) {
      ranks *= axis.asLong(1);
    }
    return Long.toString(ranks);
  }

  /** ZeRO stage of the run that wrote it. */
  public String stage() {
    return content("zero_stage").asText(UNKNOWN);
  }

  /** What that run computed in. */
  public String dtype() {
    return content("dtype").asText(UNKNOWN);
  }

  /** Number of elements of all parameters. */
  public long parameters() {
    long all = 0;
    for (JsonNode parameter : content("parameters")) {
      long elements = 1;
      for (JsonNode size : parameter.path("shape")) {
        elements *= size.asLong();
      }
      all += elements;
    }
    return all;
  }

  /** Everything, a line each, as {@code name value} in two columns. */
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    TrainingState state = TrainingState.of(manifest.step(), manifest.content());
    long skipped = state.step() - state.applied();
    lines.add(
        line(
            "step",
            state.step()
                + (skipped > 0 && content("applied_steps").isNumber()
                    ? ", of which " + skipped + " skipped (the gradient was not finite)"
                    : "")));
    lines.add(line("samples", number(content("samples"))));
    lines.add(line("written", written()));
    lines.add(line("ranks", ranks() + mesh()));
    lines.add(line("ZeRO stage", stage()));
    lines.add(line("dtype", dtype()));
    state
        .lossScale()
        .filter(scale -> dtype().equals(Dtype.FP16.label()) || scale.scale() != 1)
        .ifPresent(
            scale ->
                lines.add(
                    line(
                        "loss scale",
                        String.format(
                            Locale.ROOT,
                            "%s, for %,d steps without overflow",
                            plain(scale.scale()),
                            scale.cleanSteps()))));
    lines.add(line("model", model()));
    lines.add(line("optimizer", optimizer()));
    if (!content("run").isEmpty()) {
      lines.add(line("run", fields(content("run"))));
    }
    if (!content("tokenizer").isEmpty()) {
      List<String> names = new ArrayList<>();
      content("tokenizer").fieldNames().forEachRemaining(names::add);
      lines.add(line("tokenizer", String.join(", ", names)));
    }
    lines.add(
        line("files", manifest.shards().size() + ", together " + ByteSize.text(manifest.bytes())));
    int width = manifest.shards().stream().mapToInt(s -> s.file().length()).max().orElse(1);
    for (StoredShard shard : manifest.shards()) {
      lines.add(
          line("", String.format("%-" + width + "s  %s", shard.file(), bytes(shard.length()))));
    }
    return lines;
  }

  private static String line(String name, String value) {
    return String.format("  %-11s %s", name, value);
  }

  private static String bytes(long length) {
    return String.format("%9s", ByteSize.text(length));
  }

  private String mesh() {
    JsonNode mesh = content("mesh");
    return mesh.size() > 1 ? " (" + fields(mesh) + ")" : "";
  }

  private String model() {
    String type = content("model").path("model_type").asText("unknown");
    return content("parameters").isEmpty()
        ? type
        : String.format(
            Locale.ROOT,
            "%s, %,d parameters in %,d tensors",
            type,
            parameters(),
            content("parameters").size());
  }

  private String optimizer() {
    JsonNode type = content("deepspeed").path("optimizer").path("type");
    List<String> states = new ArrayList<>();
    content("optimizer_states").forEach(state -> states.add(state.asText()));
    String kept = states.isEmpty() ? "keeps nothing" : "keeps " + String.join(", ", states);
    return type.isTextual() ? type.asText() + ", " + kept : kept;
  }

  private static String number(JsonNode value) {
    return value.isNumber() ? String.format(Locale.ROOT, "%,d", value.asLong()) : UNKNOWN;
  }

  private static String plain(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? String.format(Locale.ROOT, "%,.0f", value)
        : Double.toString(value);
  }

  private static String fields(JsonNode object) {
    return object.properties().stream().map(ManifestText::field).collect(Collectors.joining(", "));
  }

  private static String field(Map.Entry<String, JsonNode> field) {
    return field.getKey()
        + " "
        + (field.getValue().isTextual()
            ? field.getValue().textValue()
            : field.getValue().toString());
  }
}
