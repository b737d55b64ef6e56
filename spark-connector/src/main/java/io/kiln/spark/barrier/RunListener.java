package io.kiln.spark.barrier;

import io.kiln.engine.train.EvaluationReport;
import io.kiln.engine.train.StepReport;
import io.kiln.engine.train.recovery.CheckpointReport;

/**
 * Hears at the driver how a barrier job goes, while it runs; one call at a time.
 *
 * <p>A listener looks on: it cannot end the run. What it throws is told once, as a warning in the
 * log with its class and the error in one line (the stack trace at level debug); the other
 * listeners hear all the same, the run goes on, and this listener hears what comes next.
 */
public interface RunListener {
  /** The data is read and everything is known but the outcome. */
  default void onStart(RunStart start) {}

  /** A rank is somewhere else than it was. */
  default void onProgress(int rank, String phase, long step) {}

  /** All ranks took a step. */
  default void onStep(StepReport report) {}

  /** All ranks evaluated. */
  default void onEvaluation(EvaluationReport report) {}

  /** The training goes on from a checkpoint, after this step. */
  default void onResume(long step, String where) {}

  /** The training begins with its first step: there is no checkpoint to go on from. */
  default void onBeginning() {}

  /** A checkpoint is whole. */
  default void onCheckpoint(CheckpointReport report) {}

  /** Something that stands in the way of speed, in one line. */
  default void onRemark(int rank, String line) {}

  /**
   * An executor was lost and Spark started all ranks again, from their beginning.
   *
   * @param attempt from 1
   * @param cause in one line
   */
  default void onRestart(int attempt, String cause) {}
}
