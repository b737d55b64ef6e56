package io.kiln.it.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;

/** Collects what the ranks of {@link CheckpointBenchmark} report and makes the table of it. */
final class CheckpointFigures {
  private static final String[] IN = {"checkpoint", "copy in", "copy in, not synced"};
  private static final String[] OUT = {"resume", "copy out"};

  private record Key(String dtype, int stage) {}

  private final Map<Key, List<JsonNode>> reports = new LinkedHashMap<>();
  private final int ranks;

  CheckpointFigures(int ranks) {
    this.ranks = ranks;
  }

  void add(JsonNode report) {
    Key key = new Key(report.get("dtype").asText(), report.get("stage").asInt());
    reports.computeIfAbsent(key, k -> new ArrayList<>()).add(report);
    System.err.printf("\r%s stage %d: %d reports   ", key.dtype(), key.stage(), count(key));
  }

  private int count(Key key) {
    return reports.get(key).size();
  }

  /** Several measurements of one thing. */
  private record Sample(List<Double> values) {
    double median() {
      return JobRuns.median(values);
    }

    String percent() {
      return String.format(
          Locale.ROOT,
          "%6.2f %%  (%.2f to %.2f)",
          100 * median(),
          100 * values.stream().mapToDouble(d -> d).min().orElseThrow(),
          100 * values.stream().mapToDouble(d -> d).max().orElseThrow());
    }
  }

  private List<JsonNode> of(Key key, String kind) {
    return reports.get(key).stream().filter(r -> r.get("kind").asText().equals(kind)).toList();
  }

  /** A figure of the turns of one kind, mean over the ranks, by repetition. */
  private List<Double> turns(Key key, boolean checkpoints, ToDoubleFunction<JsonNode> figure) {
    Map<Integer, Double> sums = new TreeMap<>();
    for (JsonNode turn : of(key, "turn")) {
      if (turn.get("checkpoints").asBoolean() == checkpoints) {
        sums.merge(turn.get("repetition").asInt(), figure.applyAsDouble(turn) / ranks, Double::sum);
      }
    }
    return List.copyOf(sums.values());
  }

  private Sample share(Key key, String of) {
    return new Sample(
        turns(key, true, turn -> turn.get(of).asDouble() / turn.get("ms").asDouble()));
  }

  private Sample slowDown(Key key) {
    List<Double> with = turns(key, true, turn -> turn.get("ms").asDouble());
    List<Double> without = turns(key, false, turn -> turn.get("ms").asDouble());
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < with.size(); i++) {
      ratios.add(with.get(i) / without.get(i) - 1);
    }
    return new Sample(ratios);
  }

  private double stepMillis(Key key) {
    return JobRuns.median(
        turns(key, false, turn -> turn.get("ms").asDouble() / turn.get("steps").asInt()));
  }

  private double borderMillis(Key key) {
    return JobRuns.median(of(key, "border").stream().map(r -> r.get("ms").asDouble()).toList());
  }

  /** Megabytes a second. */
  private double rate(Key key, String what) {
    return JobRuns.median(
        of(key, "rate").stream()
            .filter(r -> r.get("what").asText().equals(what))
            .map(r -> r.get("bytes").asDouble() / 1e3 / r.get("ms").asDouble())
            .toList());
  }

  private double bytes(Key key) {
    return JobRuns.median(turns(key, true, turn -> turn.path("bytes").asDouble()));
  }

  private double behindMillis(Key key) {
    return JobRuns.median(turns(key, true, turn -> turn.path("behind").asDouble()));
  }

  String table() {
    StringBuilder table = new StringBuilder(System.lineSeparator());
    for (Key key : reports.keySet()) {
      double step = stepMillis(key);
      table.append(
          line(
              "%s stage %d: %.1f ms a step, %.1f MB a checkpoint, whole %.0f ms after its step",
              key.dtype(), key.stage(), step, bytes(key) / 1e6, behindMillis(key)));
      table.append(line("  wait for checkpoints        %s", share(key, "wait").percent()));
      table.append(line("  all time at step borders    %s", share(key, "inside").percent()));
      table.append(line("  slow-down, writing included %s", slowDown(key).percent()));
      double border = borderMillis(key);
      table.append(
          line(
              "  a border without one        %6.3f %%  (%.1f us)",
              100 * border / step, 1e3 * border));
      table.append(rates(key, "write", IN));
      table.append(rates(key, "read ", OUT));
    }
    return table.toString();
  }

  /**
   * A line for each training: whether its steps wait no longer for checkpoints than they may.
   *
   * @param most share of the training time
   */
  List<String> verdict(double most) {
    List<String> lines = new ArrayList<>();
    for (Key key : reports.keySet()) {
      lines.add(
          String.format(
              Locale.ROOT,
              "%s stage %d: %s: %.2f %% of the training time waits for checkpoints, to be below %.2f %%",
              key.dtype(),
              key.stage(),
              waits(key, most) ? "TOO LONG" : "good",
              100 * share(key, "wait").median(),
              100 * most));
    }
    return lines;
  }

  /** Whether the steps of all trainings wait for less than that share of their time. */
  boolean below(double most) {
    return reports.keySet().stream().noneMatch(key -> waits(key, most));
  }

  private boolean waits(Key key, double most) {
    return !(share(key, "wait").median() < most);
  }

  private String rates(Key key, String label, String[] all) {
    StringBuilder line = new StringBuilder("  " + label);
    double own = rate(key, all[0]);
    line.append(String.format(Locale.ROOT, " %.0f MB/s", own));
    for (int i = 1; i < all.length; i++) {
      double other = rate(key, all[i]);
      line.append(
          String.format(Locale.ROOT, "; %s %.0f MB/s (%.2fx of it)", all[i], other, own / other));
    }
    return line.append(System.lineSeparator()).toString();
  }

  private static String line(String format, Object... values) {
    return String.format(Locale.ROOT, format, values) + System.lineSeparator();
  }

  String json() {
    ObjectMapper mapper = new ObjectMapper();
    ArrayNode array = mapper.createArrayNode();
    for (Key key : reports.keySet()) {
      ObjectNode node =
          array
              .addObject()
              .put("dtype", key.dtype())
              .put("stage", key.stage())
              .put("step_ms", stepMillis(key))
              .put("bytes", bytes(key))
              .put("whole_after_ms", behindMillis(key))
              .put("wait_share", share(key, "wait").median())
              .put("border_share", share(key, "inside").median())
              .put("slow_down", slowDown(key).median())
              .put("idle_border_ms", borderMillis(key));
      ArrayNode with = node.putArray("turns_with_ms");
      turns(key, true, turn -> turn.get("ms").asDouble()).forEach(with::add);
      ArrayNode without = node.putArray("turns_without_ms");
      turns(key, false, turn -> turn.get("ms").asDouble()).forEach(without::add);
      ObjectNode rates = node.putObject("megabytes_per_second");
      for (String[] kinds : new String[][] {IN, OUT}) {
        for (String what : kinds) {
          rates.put(what, rate(key, what));
        }
      }
    }
    return array.toPrettyString() + System.lineSeparator();
  }
}
