package io.kiln.engine.config;

import java.util.Collection;
import java.util.List;

/**
 * Learning rates and decay by parameter: Kiln's addition to {@code optimizer.params}.
 *
 * <pre>
 * "groups": [{"pattern": ["*.bias", "*ln_*"], "weight_decay": 0},
 *            {"regex": "wte|wpe", "lr_scale": 0.5}],
 * "layer_decay": 0.9
 * </pre>
 *
 * The first rule that matches a name holds; without one the optimizer's own values hold.
 *
 * @param rules first match wins
 * @param layerDecay the rate of a block is multiplied by it once for each block above, so the last
 *     block keeps the whole rate; 1 leaves all alike
 */
public record ParameterGroupsConfig(List<GroupRule> rules, double layerDecay) {
  public ParameterGroupsConfig {
    rules = List.copyOf(rules);
  }

  /**
   * Holds the groups against a model.
   *
   * @param names of its parameters
   * @return a line for each expression that is without effect in a group that has one
   * @throws ConfigException if a group matches no parameter
   */
  public List<String> requireMatches(Collection<String> names) {
    return rules.stream().flatMap(rule -> rule.requireMatch(names).stream()).toList();
  }

  /** One group for all. */
  public static ParameterGroupsConfig none() {
    return new ParameterGroupsConfig(List.of(), 1);
  }
}
