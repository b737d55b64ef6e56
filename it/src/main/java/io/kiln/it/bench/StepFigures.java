package io.kiln.it.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.tensor.Dtype;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Collects what the ranks of {@link StepBenchmark} report and makes the table of it. */
final class StepFigures {
  private record Key(String shape, String dtype, String name) {}

  /** Median step time of each rank, by repetition. */
  private final Map<Key, Map<Integer, List<Double>>> turns = new LinkedHashMap<>();

  private final Map<Key, List<Double>> waits = new LinkedHashMap<>();
  private final Map<Key, Double> limits = new LinkedHashMap<>();
  private final Map<Key, JsonNode> memory = new LinkedHashMap<>();
  private final List<Double> others = new ArrayList<>();

  private final int ranks;
  private final double peak;

  /**
   * @param peak TFLOP/s that all ranks together could compute at most; not a number: not known
   */
  StepFigures(int ranks, double peak) {
    this.ranks = ranks;
    this.peak = peak;
  }

  void add(int rank, int offset, JsonNode report) {
    Key key =
        new Key(
            report.get("shape").asText(),
            report.get("dtype").asText(),
            report.get("name").asText());
    switch (report.get("kind").asText()) {
      case "steps" -> {
        double[] millis = new double[report.get("ms").size()];
        Arrays.setAll(millis, i -> report.get("ms").get(i).asDouble());
        turns
            .computeIfAbsent(key, k -> new TreeMap<>())
            .computeIfAbsent(offset + report.get("repetition").asInt(), r -> new ArrayList<>())
            .add(median(millis));
        waits.computeIfAbsent(key, k -> new ArrayList<>()).add(report.get("wait").asDouble());
        System.err.printf(
            "\r%-4s %-4s %-8s turn %d   ",
            key.shape(), key.dtype(), key.name(), report.get("repetition").asInt() + 1);
      }
      case "limit" -> limits.merge(key, report.get("ms").asDouble(), Math::min);
      case "memory" -> memory.putIfAbsent(key, report);
      default -> throw new IllegalStateException("no such report: " + report);
    }
  }

  void other(double millis) {
    others.add(millis);
  }

  /** One row a contender. */
  private record Row(
      Key key,
      double millis,
      double toFloor,
      double toFp32Floor,
      double productsShare,
      double waited,
      long held,
      long formula) {
    /** Of one rank. */
    double tokensPerSecond() {
      return 1000 * GptShape.named(key.shape()).tokens() / millis;
    }

    double teraflops() {
      return tokensPerSecond() * GptShape.named(key.shape()).flopsAToken() / 1e12;
    }
  }

  private List<Row> rows(List<String> shapes, List<Dtype> dtypes) {
    List<Row> rows = new ArrayList<>();
    for (String shape : shapes) {
      for (Dtype dtype : dtypes) {
        Key floor = new Key(shape, dtype.label(), StepPlan.FLOOR);
        Key fp32Floor = new Key(shape, Dtype.FP32.label(), StepPlan.FLOOR);
        Key limit = new Key(shape, dtype.label(), "products");
        for (Key key : names(shape, dtype.label())) {
          JsonNode report = memory.get(key);
          rows.add(
              new Row(
                  key,
                  median(perTurn(key)),
                  ratio(key, floor),
                  median(perTurn(key)) / median(perTurn(fp32Floor)),
                  limits.get(limit) / median(perTurn(key)),
                  median(waits.get(key).stream().mapToDouble(Double::doubleValue).toArray()),
                  report == null ? 0 : sum(report.get("held")),
                  report == null ? 0 : sum(report.get("formula"))));
        }
      }
    }
    return rows;
  }

  private Set<Key> names(String shape, String dtype) {
    Set<Key> keys = new LinkedHashSet<>();
    turns.keySet().stream()
        .filter(key -> key.shape().equals(shape) && key.dtype().equals(dtype))
        .forEach(keys::add);
    return keys;
  }

  private static long sum(JsonNode bytes) {
    long sum = 0;
    for (JsonNode value : bytes) {
      sum += value.asLong();
    }
    return sum;
  }

  /** Mean over the ranks, by turn. */
  private double[] perTurn(Key key) {
    Map<Integer, List<Double>> byTurn = turns.get(key);
    return byTurn == null
        ? new double[] {Double.NaN}
        : byTurn.values().stream()
            .mapToDouble(ranks -> ranks.stream().mapToDouble(d -> d).average().orElseThrow())
            .toArray();
  }

  /** Median over the turns of this one's time by the floor's in the same turn. */
  private double ratio(Key key, Key floor) {
    double[] own = perTurn(key);
    double[] base = perTurn(floor);
    double[] ratios = new double[Math.min(own.length, base.length)];
    Arrays.setAll(ratios, i -> own[i] / base[i]);
    return median(ratios);
  }

  String table(List<String> shapes, List<Dtype> dtypes) {
    StringBuilder table = new StringBuilder(System.lineSeparator());
    table.append(
        "%-5s %-5s %-8s %9s %9s %10s %10s %9s %14s %14s%n"
            .formatted(
                "shape",
                "dtype",
                "",
                "ms/step",
                "to floor",
                "fp32 floor",
                "products",
                "waits ms",
                "bytes held",
                "by formula"));
    for (Row row : rows(shapes, dtypes)) {
      boolean floor = row.key().name().equals(StepPlan.FLOOR);
      table.append(
          "%-5s %-5s %-8s %9.2f %8.3fx %9.3fx %9.0f%% %9.2f %14s %14s%n"
              .formatted(
                  row.key().shape(),
                  row.key().dtype(),
                  row.key().name(),
                  row.millis(),
                  row.toFloor(),
                  row.toFp32Floor(),
                  100 * row.productsShare(),
                  row.waited(),
                  floor ? "" : "%,d".formatted(row.held()),
                  floor ? "" : "%,d".formatted(row.formula())));
    }
    for (Row row : rows(shapes, dtypes)) {
      table.append(
          "%s %s %s: %,.0f tokens/s, %.1f TFLOP/s%s%n"
              .formatted(
                  row.key().shape(),
                  row.key().dtype(),
                  row.key().name(),
                  ranks * row.tokensPerSecond(),
                  ranks * row.teraflops(),
                  Double.isNaN(peak)
                      ? ""
                      : ", %.1f %% of the peak".formatted(100 * ranks * row.teraflops() / peak)));
    }
    if (!others.isEmpty()) {
      double[] millis = others.stream().mapToDouble(d -> d).toArray();
      table.append(
          "against: %.2f ms a step (median of %d)%n".formatted(median(millis), millis.length));
    }
    table.append(
        "products: share of the step that its matrix products take alone, timed in the same run%n"
            .formatted());
    return table.toString();
  }

  String json(List<String> shapes, List<Dtype> dtypes) {
    ObjectMapper mapper = new ObjectMapper();
    ArrayNode array = mapper.createArrayNode();
    for (Row row : rows(shapes, dtypes)) {
      ObjectNode node = array.addObject();
      node.put("shape", row.key().shape())
          .put("dtype", row.key().dtype())
          .put("name", row.key().name())
          .put("step_ms_median", row.millis())
          .put("to_floor", row.toFloor())
          .put("to_fp32_floor", finite(row.toFp32Floor()))
          .put("products_share", row.productsShare())
          .put("bytes_held", row.held())
          .put("bytes_by_formula", row.formula())
          .put("tokens_per_second", ranks * row.tokensPerSecond())
          .put("teraflops", ranks * row.teraflops());
      if (!Double.isNaN(peak)) {
        node.put("share_of_peak", ranks * row.teraflops() / peak);
      }
    }
    return array.toPrettyString() + System.lineSeparator();
  }

  /** Null in JSON where fp32 was not measured. */
  private static Double finite(double value) {
    return Double.isNaN(value) ? null : value;
  }

  private static double median(double... values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}
