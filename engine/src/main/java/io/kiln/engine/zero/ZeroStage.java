package io.kiln.engine.zero;

/**
 * A ZeRO stage is these three choices (Rajbhandari et al. 2020, arXiv:1910.02054, figure 1).
 * Nothing asks for the stage's number once this is made.
 */
public record ZeroStage(
    OptimizerPlacement optimizer, GradientDeparture gradients, ParameterResidency parameters) {
  /**
   * @param stage 0 to 3
   */
  public static ZeroStage of(int stage) {
    return switch (stage) {
      case 0 ->
          new ZeroStage(
              OptimizerPlacement.WHOLE, GradientDeparture.AT_BORDER, ParameterResidency.WHOLE);
      case 1 ->
          new ZeroStage(
              OptimizerPlacement.SHARD, GradientDeparture.AT_BORDER, ParameterResidency.WHOLE);
      case 2 ->
          new ZeroStage(
              OptimizerPlacement.SHARD,
              GradientDeparture.EACH_MICRO_BATCH,
              ParameterResidency.WHOLE);
      case 3 ->
          new ZeroStage(
              OptimizerPlacement.SHARD,
              GradientDeparture.EACH_MICRO_BATCH,
              ParameterResidency.GATHERED);
      default -> throw new IllegalArgumentException("ZeRO has the stages 0 to 3, not " + stage);
    };
  }
}
