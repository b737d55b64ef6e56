package io.kiln.it.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A run's losses and gradient norms by step, as {@code metrics.jsonl} holds them: doubles come back
 * as they were.
 */
public record Curve(List<Point> points) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Of one step. */
  public record Point(long step, double loss, double gradientNorm) {}

  public Curve {
    points = List.copyOf(points);
  }

  /** Of a run's metrics. */
  public static Curve of(List<String> lines) throws IOException {
    List<Point> points = new ArrayList<>();
    for (String line : lines) {
      JsonNode step = JSON.readTree(line);
      points.add(
          new Point(
              step.get("step").asLong(),
              step.get("loss").asDouble(Double.NaN),
              step.get("grad_norm").asDouble(Double.NaN)));
    }
    return new Curve(points);
  }

  /** Of a run in this output directory. */
  public static Curve of(Path outputDir) throws IOException {
    return of(Files.readAllLines(outputDir.resolve("metrics.jsonl")));
  }

  /** Whether there is each step from 1 to this, once and in order. */
  public boolean isWhole(long steps) {
    for (int i = 0; i < points.size(); i++) {
      if (points.get(i).step() != i + 1) {
        return false;
      }
    }
    return points.size() == steps;
  }

  /** Steps at which another curve has other bits, or is not. */
  public long differences(Curve other) {
    int common = Math.min(points.size(), other.points.size());
    long differences = Math.max(points.size(), other.points.size()) - common;
    for (int i = 0; i < common; i++) {
      differences += points.get(i).equals(other.points.get(i)) ? 0 : 1;
    }
    return differences;
  }

  /** Largest distance of a loss from another curve's, which has as many steps. */
  public double distance(Curve other) {
    if (points.size() != other.points.size()) {
      return Double.POSITIVE_INFINITY;
    }
    double largest = 0;
    for (int i = 0; i < points.size(); i++) {
      largest = Math.max(largest, Math.abs(points.get(i).loss() - other.points.get(i).loss()));
    }
    return largest;
  }
}
