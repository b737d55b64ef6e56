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
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;

/** Collects what the ranks of {@link StepBenchmark} report and makes the table of it. */
final class StepFigures {
  /** The kinds that the ZeRO paper counts. */
  private static final Set<String> STATE = Set.of("parameters", "gradients", "optimizer");

  private record Key(String shape, String dtype, String name) {}

  /** Median step time of each rank, by repetition. */
  private final Map<Key, Map<Integer, List<Double>>> turns = new LinkedHashMap<>();

  private final Map<Key, List<Double>> waits = new LinkedHashMap<>();
  private final Map<Key, Double> limits = new LinkedHashMap<>();
  private final Map<Key, JsonNode> memory = new LinkedHashMap<>();

  /** Somebody else's step time, by repetition. */
  private final Map<Integer, Double> others = new TreeMap<>();

  private final int ranks;
  private final double peak;

  /**
   * @param peak TFLOP/s that all ranks together could compute at most; not a number: not known
   */
  StepFigures(int ranks, double peak) {
    this.ranks = ranks;
    this.peak = peak;
  }

  void add(int rank, JsonNode report) {
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
            .computeIfAbsent(report.get("repetition").asInt(), r -> new ArrayList<>())
            .add(median(millis));
        waits.computeIfAbsent(key, k -> new ArrayList<>()).add(report.get("wait").asDouble());
        System.err.printf(
            "\r%-4s %-4s %-8s turn %d   ",
            key.shape(), key.dtype(), key.name(), report.get("repetition").asInt() + 1);
      }
      case "limit" -> limits.merge(key, report.get("ms").asDouble(), Math::min);
      case "memory" -> {
        // Rank 0's: shards are as large on all.
        if (rank == 0) {
          memory.put(key, report);
        }
      }
      default -> throw new IllegalStateException("no such report: " + report);
    }
  }

  void other(int repetition, double millis) {
    others.put(repetition, millis);
  }

  /**
   * What a rank holds, in bytes.
   *
   * @param state parameters, gradients and optimizer
   * @param paper the same as the ZeRO paper counts it
   * @param buffers everything else, by name
   */
  private record Memory(long state, long paper, Map<String, Long> buffers) {
    static Memory of(JsonNode report, int ranks) {
      long state = 0;
      Map<String, Long> buffers = new TreeMap<>();
      for (Map.Entry<String, JsonNode> held : report.get("held").properties()) {
        if (STATE.contains(held.getKey())) {
          state += held.getValue().asLong();
        } else if (held.getValue().asLong() > 0) {
          buffers.put(held.getKey(), held.getValue().asLong());
        }
      }
      Dtype dtype = Dtype.valueOf(report.get("dtype").asText().toUpperCase(Locale.ROOT));
      long count = GptShape.named(report.get("shape").asText()).parameters();
      long paper = ZeroPaper.of(count, dtype, report.get("stage").asInt(), ranks).total();
      return new Memory(state, paper, buffers);
    }

    long buffersTotal() {
      return buffers.values().stream().mapToLong(Long::longValue).sum();
    }

    String told() {
      return "%,d bytes of state, the ZeRO paper's formula %,d; buffers %s"
          .formatted(
              state,
              paper,
              buffers.isEmpty()
                  ? "none"
                  : buffers.entrySet().stream()
                      .map(buffer -> "%s %,d".formatted(buffer.getKey(), buffer.getValue()))
                      .collect(Collectors.joining(", ")));
    }
  }

  /** One row a contender. */
  private record Row(
      Key key,
      double millis,
      double toFloor,
      double toFp32Floor,
      double productsShare,
      double waited,
      Optional<Memory> memory) {
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
          rows.add(
              new Row(
                  key,
                  median(perTurn(key)),
                  ratio(key, floor),
                  median(perTurn(key)) / median(perTurn(fp32Floor)),
                  limits.get(limit) / median(perTurn(key)),
                  median(waits.get(key).stream().mapToDouble(Double::doubleValue).toArray()),
                  Optional.ofNullable(memory.get(key)).map(r -> Memory.of(r, ranks))));
        }
      }
    }
    return rows;
  }

  private static String bytes(Row row, ToLongFunction<Memory> which) {
    return row.memory().map(m -> "%,d".formatted(which.applyAsLong(m))).orElse("");
  }

  private Set<Key> names(String shape, String dtype) {
    Set<Key> keys = new LinkedHashSet<>();
    turns.keySet().stream()
        .filter(key -> key.shape().equals(shape) && key.dtype().equals(dtype))
        .forEach(keys::add);
    return keys;
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
    return ratio(perTurn(key), perTurn(floor));
  }

  private static double ratio(double[] own, double[] base) {
    double[] ratios = new double[Math.min(own.length, base.length)];
    Arrays.setAll(ratios, i -> own[i] / base[i]);
    return median(ratios);
  }

  private double[] foreign() {
    return others.values().stream().mapToDouble(Double::doubleValue).toArray();
  }

  /** Median over the turns of the foreign time by the floor's in the same turn. */
  private double foreignRatio(String shape, Dtype dtype) {
    return ratio(foreign(), perTurn(new Key(shape, dtype.label(), StepPlan.FLOOR)));
  }

  String table(List<String> shapes, List<Dtype> dtypes) {
    StringBuilder table = new StringBuilder(System.lineSeparator());
    table.append(
        "%-9s %-5s %-8s %9s %9s %10s %10s %9s %14s %14s %14s%n"
            .formatted(
                "shape",
                "dtype",
                "",
                "ms/step",
                "to floor",
                "fp32 floor",
                "products",
                "waits ms",
                "state bytes",
                "ZeRO paper",
                "buffers"));
    for (Row row : rows(shapes, dtypes)) {
      table.append(
          "%-9s %-5s %-8s %9.2f %8.3fx %10s %9.0f%% %9.2f %14s %14s %14s%n"
              .formatted(
                  row.key().shape(),
                  row.key().dtype(),
                  row.key().name(),
                  row.millis(),
                  row.toFloor(),
                  Double.isNaN(row.toFp32Floor()) ? "-" : "%.3fx".formatted(row.toFp32Floor()),
                  100 * row.productsShare(),
                  row.waited(),
                  bytes(row, Memory::state),
                  bytes(row, Memory::paper),
                  bytes(row, Memory::buffersTotal)));
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
    for (Row row : rows(shapes, dtypes)) {
      row.memory()
          .ifPresent(
              m ->
                  table.append(
                      "%s %s %s, rank 0: %s%n"
                          .formatted(
                              row.key().shape(), row.key().dtype(), row.key().name(), m.told())));
    }
    if (!others.isEmpty()) {
      table.append(
          "against: %.2f ms a step, %.3fx the floor (medians of %d turns)%n"
              .formatted(
                  median(foreign()), foreignRatio(shapes.get(0), dtypes.get(0)), others.size()));
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
          .put("tokens_per_second", ranks * row.tokensPerSecond())
          .put("teraflops", ranks * row.teraflops());
      row.memory()
          .ifPresent(
              m -> {
                node.put("state_bytes", m.state()).put("state_bytes_zero_paper", m.paper());
                node.set("buffer_bytes", mapper.valueToTree(m.buffers()));
              });
      if (!Double.isNaN(peak)) {
        node.put("share_of_peak", ranks * row.teraflops() / peak);
      }
    }
    if (!others.isEmpty()) {
      array
          .addObject()
          .put("shape", shapes.get(0))
          .put("dtype", dtypes.get(0).label())
          .put("name", "against")
          .put("step_ms_median", median(foreign()))
          .put("to_floor", foreignRatio(shapes.get(0), dtypes.get(0)));
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
