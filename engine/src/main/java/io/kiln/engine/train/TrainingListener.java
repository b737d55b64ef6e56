package io.kiln.engine.train;

/** Hears how a rank's training goes, on the training thread: must not block. */
public interface TrainingListener {
  /** After every step. */
  void onStep(StepReport report);

  /** After every evaluation. */
  default void onEvaluation(EvaluationReport report) {}
}
