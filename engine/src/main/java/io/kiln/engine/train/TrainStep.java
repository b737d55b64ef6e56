package io.kiln.engine.train;

import io.kiln.engine.comm.Communicator;
import io.kiln.engine.model.Pass;
import io.kiln.engine.optim.GradientClipping;
import io.kiln.engine.optim.LossScaler;
import io.kiln.engine.optim.Optimizer;
import io.kiln.engine.optim.RateSchedule;
import io.kiln.engine.train.StepClock.Phase;
import io.kiln.engine.zero.GradientNorm;
import io.kiln.engine.zero.ShardedParameters;
import java.util.List;
import java.util.Optional;

/**
 * The life of a training step: micro-batches forward and back, one norm, one update or none, and
 * the new values on their way to whoever computes with them. What each line does at a given stage,
 * precision or device is decided by the objects, not here.
 */
final class TrainStep {
  private final BlockWalker walker;
  private final ShardedParameters parameters;
  private final Optimizer optimizer;
  private final RateSchedule rates;
  private final LossScaler lossScale;
  private final GradientClipping clipping;
  private final GradientScale gradientScale;
  private final Communicator communicator;
  private final long seed;
  private final StepClock clock = new StepClock();
  private long applied;

  TrainStep(
      BlockWalker walker,
      ShardedParameters parameters,
      Optimizer optimizer,
      RateSchedule rates,
      LossScaler lossScale,
      GradientClipping clipping,
      GradientScale gradientScale,
      Communicator communicator,
      long seed) {
    this.walker = walker;
    this.parameters = parameters;
    this.optimizer = optimizer;
    this.rates = rates;
    this.lossScale = lossScale;
    this.clipping = clipping;
    this.gradientScale = gradientScale;
    this.communicator = communicator;
    this.seed = seed;
  }

  /** Goes on from where another training stood. */
  void restore(TrainingState state) {
    applied = state.applied();
    state.lossScale().ifPresent(lossScale::restore);
  }

  /** Where this stands after so many steps. */
  TrainingState state(long steps) {
    return new TrainingState(steps, applied, Optional.of(lossScale.state()));
  }

  /**
   * Runs one step; all ranks call it together.
   *
   * @param step from 1
   */
  StepReport run(long step, BatchSource source) {
    clock.begin();
    List<MicroBatch> batch = source.next(step);
    long targets = source.globalValidTargets(step);
    clock.lap(Phase.DATA);

    double scale = lossScale.scale() * gradientScale.factor();
    double lossSum = 0;
    for (int i = 0; i < batch.size(); i++) {
      MicroBatch micro = batch.get(i);
      Pass pass = new Pass(true, seed, step, micro.firstRow());
      boolean last = i == batch.size() - 1;
      lossSum += walker.forwardBackward(micro, pass, scale / targets, i == 0, last, clock);
    }

    GradientNorm norm = parameters.finishGradients();
    clock.lap(Phase.REDUCE);
    double gradientNorm = norm.value() / scale;
    double learningRate = rates.at(applied, 0).learningRate();
    double usedLossScale = lossScale.scale();
    boolean apply = lossScale.update(norm.finite());
    if (apply) {
      double divisor = scale * clipping.divisor(gradientNorm);
      parameters.step(optimizer, applied + 1, group -> rates.at(applied, group), divisor);
      parameters.publish();
      applied++;
    } else {
      parameters.settleGradients();
    }

    double loss = communicator.sum(lossSum)[0] / targets;
    clock.lap(Phase.UPDATE);
    return new StepReport(
        step, loss, learningRate, gradientNorm, usedLossScale, !apply, targets, clock.times());
  }
}
