package io.kiln.spark.barrier;

import java.util.function.IntFunction;

/** Makes one story of what the ranks say: of several attempts, the latest one counts. */
final class RunView {
  private final RunListener listener;
  private int attempt;
  private final IntFunction<String> causes;

  /**
   * @param causes why ranks were started again for an attempt, in one line
   */
  RunView(RunListener listener, IntFunction<String> causes) {
    this.listener = listener;
    this.causes = causes;
  }

  synchronized void accept(RankMessage message) {
    if (message.attempt() < attempt) {
      return;
    }
    if (message.attempt() > attempt) {
      attempt = message.attempt();
      listener.onRestart(attempt, causes.apply(attempt));
    }
    if (message instanceof RankMessage.Progress progress) {
      listener.onProgress(progress.rank(), progress.phase(), progress.step());
    } else if (message instanceof RankMessage.Stepped stepped) {
      listener.onStep(stepped.report());
    } else if (message instanceof RankMessage.Evaluated evaluated) {
      listener.onEvaluation(evaluated.report());
    } else if (message instanceof RankMessage.Resumed resumed) {
      listener.onResume(resumed.step(), resumed.where());
    } else if (message instanceof RankMessage.BegunAnew) {
      listener.onBeginning();
    } else if (message instanceof RankMessage.Checkpointed checkpointed) {
      listener.onCheckpoint(checkpointed.report());
    } else if (message instanceof RankMessage.Remarked remarked) {
      listener.onRemark(remarked.rank(), remarked.line());
    }
  }
}
