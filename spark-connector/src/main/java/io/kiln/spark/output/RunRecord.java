package io.kiln.spark.output;

import io.kiln.engine.train.EvaluationReport;
import io.kiln.engine.train.StepReport;
import io.kiln.spark.barrier.RunListener;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/** Remembers of a run what its summary needs. */
public final class RunRecord implements RunListener {
  private static final int LAST = 5;

  private final List<Double> losses = new ArrayList<>();
  private final List<Double> stepMillis = new ArrayList<>();
  private long tokens;
  private long tokensAfterFirst;
  private long steps;
  private Optional<EvaluationReport> evaluation = Optional.empty();

  @Override
  public synchronized void onStep(StepReport report) {
    losses.add(report.loss());
    stepMillis.add(report.times().total());
    tokens += report.tokens();
    if (losses.size() > 1) {
      tokensAfterFirst += report.tokens();
    }
    steps = report.step();
  }

  @Override
  public synchronized void onEvaluation(EvaluationReport report) {
    evaluation = Optional.of(report);
  }

  @Override
  public synchronized void onRestart(int attempt, String cause) {
    losses.clear();
    stepMillis.clear();
    tokens = 0;
    tokensAfterFirst = 0;
    steps = 0;
    evaluation = Optional.empty();
  }

  synchronized long steps() {
    return steps;
  }

  synchronized long tokens() {
    return tokens;
  }

  synchronized OptionalDouble firstLoss() {
    return losses.stream().mapToDouble(Double::doubleValue).findFirst();
  }

  /** Mean over the last five steps. */
  synchronized OptionalDouble finalLoss() {
    return losses.stream()
        .skip(Math.max(0, losses.size() - LAST))
        .mapToDouble(Double::doubleValue)
        .average();
  }

  synchronized OptionalDouble validationLoss() {
    return evaluation.map(e -> OptionalDouble.of(e.loss())).orElse(OptionalDouble.empty());
  }

  synchronized OptionalDouble medianStepMillis() {
    double[] sorted = stepMillis.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    int n = sorted.length;
    return n == 0
        ? OptionalDouble.empty()
        : OptionalDouble.of((sorted[(n - 1) / 2] + sorted[n / 2]) / 2);
  }

  /** Over all steps but the first, in which much is done for the first time. */
  synchronized OptionalDouble tokensPerSecond() {
    double[] times = stepMillis.stream().mapToDouble(Double::doubleValue).toArray();
    if (times.length < 2) {
      return times.length == 0
          ? OptionalDouble.empty()
          : OptionalDouble.of(1000 * tokens / times[0]);
    }
    return OptionalDouble.of(1000 * tokensAfterFirst / (Arrays.stream(times).skip(1).sum()));
  }
}
