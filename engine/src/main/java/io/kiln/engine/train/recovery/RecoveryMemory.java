package io.kiln.engine.train.recovery;

import io.kiln.engine.model.Model;
import io.kiln.engine.optim.Optimizer;
import io.kiln.engine.train.TrainingPlan;
import io.kiln.engine.zero.FlatLayout;
import java.util.List;

/**
 * Bytes of host memory that recovery holds besides a training, by the formula and without
 * allocating anything: the most that a rank holds.
 *
 * @param checkpoint of the copy that {@link Checkpointing} writes from
 * @param redundancy of the copies that {@link Redundancy} keeps: two generations of a rank's own
 *     shard and of its neighbour's
 */
public record RecoveryMemory(long checkpoint, long redundancy) {
  private static final int COPIES = 4;

  /**
   * Of a training.
   *
   * @param ranks their number
   */
  public static RecoveryMemory of(TrainingPlan plan, int ranks) {
    try (Optimizer optimizer = Optimizer.of(plan.deepspeed().optimizer())) {
      // The master weights, and what the optimizer keeps of each.
      int kinds = 1 + optimizer.stateNames().size();
      List<FlatLayout> layouts = layouts(plan.model(), ranks);
      long elements =
          Redundancy.elements(
              rank -> layouts.stream().flatMap(layout -> layout.shardRuns(rank).stream()).toList(),
              kinds,
              ranks);
      long copy = elements * Float.BYTES;
      return new RecoveryMemory(copy, COPIES * copy);
    }
  }

  private static List<FlatLayout> layouts(Model model, int ranks) {
    return model.blocks().stream().map(block -> FlatLayout.of(block.parameters(), ranks)).toList();
  }
}
