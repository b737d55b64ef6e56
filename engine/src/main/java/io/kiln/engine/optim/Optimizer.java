package io.kiln.engine.optim;

import io.kiln.engine.config.OptimizerConfig;
import java.util.List;

/**
 * Moves parameters against their gradients. One object a rank; the tensors of the last step's
 * slices stay alive until it is closed, or given others.
 */
public interface Optimizer extends AutoCloseable {
  /** Names of the fp32 state tensors it wants beside each slice, such as {@code exp_avg}. */
  List<String> stateNames();

  /** What the state tensors hold before the first step (0 for all but Adagrad). */
  default double initialState() {
    return 0;
  }

  /**
   * One step over all slices. Quickest when the same tensor objects come at every step.
   *
   * @param step steps taken before this one, skipped ones not counted, plus 1
   * @param slices disjoint parts of the shard, each with the values of its group
   * @param gradientDivisor what every gradient is divided by first: loss scale, ranks and clipping
   *     in one number. The gradient tensors may be overwritten.
   */
  void step(long step, List<Slice> slices, double gradientDivisor);

  /** Frees what it prepared for the slices; their tensors are the caller's. */
  @Override
  default void close() {}

  /** The optimizer that a configuration describes. */
  static Optimizer of(OptimizerConfig config) {
    if (config instanceof OptimizerConfig.Adam adam) {
      return new FusedAdam(adam);
    }
    if (config instanceof OptimizerConfig.Sgd sgd) {
      return new FusedSgd(sgd);
    }
    if (config instanceof OptimizerConfig.Adagrad adagrad) {
      return new FusedAdagrad(adagrad);
    }
    return new Lion((OptimizerConfig.Lion) config);
  }
}
