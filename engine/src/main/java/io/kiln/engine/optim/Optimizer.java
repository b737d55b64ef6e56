package io.kiln.engine.optim;

import java.util.List;

/** Moves parameters against their gradients. One object a rank; keeps no tensor of its own. */
public interface Optimizer {
  /** Names of the fp32 state tensors it wants beside each slice, such as {@code exp_avg}. */
  List<String> stateNames();

  /** What the state tensors hold before the first step (0 for all but Adagrad). */
  default double initialState() {
    return 0;
  }

  /**
   * One step over all slices.
   *
   * @param step steps taken before this one, skipped ones not counted, plus 1
   * @param slices disjoint parts of the shard, each with the values of its group
   * @param gradientDivisor what every gradient is divided by first: loss scale, ranks and clipping
   *     in one number. The gradient tensors may be overwritten.
   */
  void step(long step, List<Slice> slices, double gradientDivisor);
}
