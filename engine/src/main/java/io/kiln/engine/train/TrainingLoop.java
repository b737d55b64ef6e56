package io.kiln.engine.train;

import java.util.Optional;

/** Steps and evaluations until the end. */
public final class TrainingLoop {
  private TrainingLoop() {}

  /**
   * Trains; all ranks call it together.
   *
   * @param source of the training's micro-batches; the caller's to close
   * @param validation what the evaluations pass over; none are made where it is empty
   * @param listener hears everything; what it throws ends the run on this rank
   */
  public static void run(
      Training training,
      TrainingLength length,
      BatchSource source,
      Optional<EvaluationSource> validation,
      TrainingListener listener) {
    if (training.steps() > 0) {
      // It goes on from a checkpoint, which is taken before the evaluation of the same step.
      evaluateIfDue(training, length, validation, listener);
    }
    while (training.steps() < length.steps()) {
      listener.onStep(training.step(source));
      evaluateIfDue(training, length, validation, listener);
    }
  }

  private static void evaluateIfDue(
      Training training,
      TrainingLength length,
      Optional<EvaluationSource> validation,
      TrainingListener listener) {
    if (validation.isPresent() && length.evaluatesAfter(training.steps())) {
      listener.onEvaluation(training.evaluate(validation.get(), length.evaluationSteps()));
    }
  }
}
