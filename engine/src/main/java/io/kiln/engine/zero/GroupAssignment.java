package io.kiln.engine.zero;

import io.kiln.engine.model.ParameterSpec;

/** Says which parameter group a parameter is in. */
@FunctionalInterface
public interface GroupAssignment {
  /** Everything in one group. */
  GroupAssignment SINGLE = (block, spec) -> 0;

  /**
   * @param block index of the block in the chain
   */
  int groupOf(int block, ParameterSpec spec);
}
