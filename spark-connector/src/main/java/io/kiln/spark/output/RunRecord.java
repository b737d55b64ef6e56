package io.kiln.spark.output;

import io.kiln.engine.train.EvaluationReport;
import io.kiln.engine.train.StepReport;
import io.kiln.spark.barrier.RunListener;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;

/** Remembers of a run what its summary needs. */
public final class RunRecord implements RunListener {
  private static final int LAST = 5;

  /**
   * What is kept of a step.
   *
   * @param millis of the step alone
   * @param wallMillis from the end of the step before to the end of this one
   */
  record Step(double loss, double millis, double wallMillis, long tokens) {}

  private final NavigableMap<Long, Step> steps = new TreeMap<>();
  private Optional<EvaluationReport> evaluation = Optional.empty();

  /**
   * Of a run that may have begun before.
   *
   * @param earlier its steps so far
   */
  public RunRecord(NavigableMap<Long, Step> earlier) {
    steps.putAll(earlier);
  }

  /** A step that is taken again after a restart takes its own place and that of later ones. */
  @Override
  public synchronized void onStep(StepReport report) {
    steps.tailMap(report.step(), true).clear();
    steps.put(
        report.step(),
        new Step(report.loss(), report.times().total(), report.times().wall(), report.tokens()));
  }

  @Override
  public synchronized void onEvaluation(EvaluationReport report) {
    evaluation = Optional.of(report);
  }

  synchronized long steps() {
    return steps.isEmpty() ? 0 : steps.lastKey();
  }

  synchronized long tokens() {
    return steps.values().stream().mapToLong(Step::tokens).sum();
  }

  synchronized OptionalDouble firstLoss() {
    return steps.values().stream().mapToDouble(Step::loss).findFirst();
  }

  /** Mean over the last five steps. */
  synchronized OptionalDouble finalLoss() {
    return steps.values().stream()
        .skip(Math.max(0, steps.size() - LAST))
        .mapToDouble(Step::loss)
        .average();
  }

  synchronized OptionalDouble validationLoss() {
    return evaluation.map(e -> OptionalDouble.of(e.loss())).orElse(OptionalDouble.empty());
  }

  synchronized OptionalDouble medianStepMillis() {
    double[] sorted = steps.values().stream().mapToDouble(Step::millis).sorted().toArray();
    int n = sorted.length;
    return n == 0
        ? OptionalDouble.empty()
        : OptionalDouble.of((sorted[(n - 1) / 2] + sorted[n / 2]) / 2);
  }

  /**
   * Over all steps but the first, in which much is done for the first time, and what came between
   * them.
   */
  synchronized OptionalDouble tokensPerSecond() {
    if (steps.isEmpty()) {
      return OptionalDouble.empty();
    }
    List<Step> counted = steps.values().stream().skip(steps.size() > 1 ? 1 : 0).toList();
    double millis = counted.stream().mapToDouble(Step::wallMillis).sum();
    return OptionalDouble.of(1000 * counted.stream().mapToLong(Step::tokens).sum() / millis);
  }
}
