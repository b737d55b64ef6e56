package io.kiln.engine.optim;

import io.kiln.engine.config.GroupRule;
import io.kiln.engine.config.ParameterGroupsConfig;
import java.util.List;

/**
 * Numbers the parameter groups of a model: one for each rule and, where rates fall with depth, for
 * each block. Group 0 holds what no rule matches (in the last block, where depth counts). The same
 * on every rank, for it depends on names and places alone.
 */
public final class ParameterGroups {
  private final List<GroupRule> rules;
  private final double layerDecay;
  private final int depths;

  /**
   * @param blockCount blocks of the model's chain
   */
  public ParameterGroups(ParameterGroupsConfig config, int blockCount) {
    if (blockCount < 1) {
      throw new IllegalArgumentException("a model has at least one block, not " + blockCount);
    }
    this.rules = config.rules();
    this.layerDecay = config.layerDecay();
    this.depths = layerDecay == 1 ? 1 : blockCount;
  }

  /** How many there are; some may be empty. */
  public int count() {
    return (rules.size() + 1) * depths;
  }

  /**
   * Group of a parameter.
   *
   * @param block index of its block in the chain, 0 first
   * @param name Hugging Face's full name
   */
  public int groupOf(int block, String name) {
    int depth = depths == 1 ? 0 : depths - 1 - block;
    if (depth < 0) {
      throw new IllegalArgumentException("block " + block + " of a model of " + depths);
    }
    int rule = 0;
    while (rule < rules.size() && !rules.get(rule).matches(name)) {
      rule++;
    }
    int number = rule == rules.size() ? 0 : rule + 1;
    return number * depths + depth;
  }

  /** What a group's learning rate is multiplied by. */
  double learningRateFactor(int group) {
    double own = rule(group) < 0 ? 1 : rules.get(rule(group)).learningRateFactor();
    return own * Math.pow(layerDecay, group % depths);
  }

  /** A group's weight decay, if it does not have the optimizer's. */
  double weightDecay(int group, double otherwise) {
    return rule(group) < 0 ? otherwise : rules.get(rule(group)).weightDecay().orElse(otherwise);
  }

  private int rule(int group) {
    if (group < 0 || group >= count()) {
      throw new IllegalArgumentException("there is no group " + group + " of " + count());
    }
    return group / depths - 1;
  }
}
