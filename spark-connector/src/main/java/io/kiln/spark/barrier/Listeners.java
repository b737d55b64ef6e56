package io.kiln.spark.barrier;

import io.kiln.engine.train.EvaluationReport;
import io.kiln.engine.train.StepReport;
import io.kiln.engine.train.recovery.CheckpointReport;
import java.util.List;

/** One stream, many readers. */
public record Listeners(List<RunListener> readers) implements RunListener {
  public Listeners {
    readers = List.copyOf(readers);
  }

  @Override
  public void onStart(RunStart start) {
    readers.forEach(reader -> reader.onStart(start));
  }

  @Override
  public void onProgress(int rank, String phase, long step) {
    readers.forEach(reader -> reader.onProgress(rank, phase, step));
  }

  @Override
  public void onStep(StepReport report) {
    readers.forEach(reader -> reader.onStep(report));
  }

  @Override
  public void onEvaluation(EvaluationReport report) {
    readers.forEach(reader -> reader.onEvaluation(report));
  }

  @Override
  public void onResume(long step, String where) {
    readers.forEach(reader -> reader.onResume(step, where));
  }

  @Override
  public void onBeginning() {
    readers.forEach(RunListener::onBeginning);
  }

  @Override
  public void onCheckpoint(CheckpointReport report) {
    readers.forEach(reader -> reader.onCheckpoint(report));
  }

  @Override
  public void onRemark(int rank, String line) {
    readers.forEach(reader -> reader.onRemark(rank, line));
  }

  @Override
  public void onRestart(int attempt, String cause) {
    readers.forEach(reader -> reader.onRestart(attempt, cause));
  }
}
