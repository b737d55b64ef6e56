package io.kiln.it.bench;

import io.kiln.engine.tensor.Dtype;
import java.util.List;

/**
 * What {@link StepBenchmark} asks its ranks to run.
 *
 * @param against whether the ranks pause before each repetition, for somebody else's command to run
 */
record StepPlan(
    List<String> shapes,
    List<Dtype> dtypes,
    List<Integer> stages,
    int repetitions,
    int threads,
    double seconds,
    String device,
    boolean against) {
  static final String FLOOR = "floor";

  static String stage(int stage) {
    return "stage " + stage;
  }

  /** Steps of one contender and repetition. */
  int steps(GptShape shape) {
    return shape == GptShape.NANO || !device.equals("cpu")
        ? Math.max(2, (int) (20 * seconds))
        : Math.max(2, (int) (2 * seconds));
  }

  /** AdamW, clipping at 1, everything else as DeepSpeed has it. */
  static String deepSpeedConfig(GptShape shape, Dtype dtype, int stage) {
    return """
        {"train_micro_batch_size_per_gpu": %d, "gradient_clipping": 1.0,
         "optimizer": {"type": "AdamW",
                       "params": {"lr": 1e-3, "betas": [0.9, 0.99], "weight_decay": 0.1}},
         "bf16": {"enabled": %b}, "zero_optimization": {"stage": %d}}
        """
        .formatted(shape.batch(), dtype == Dtype.BF16, stage);
  }
}
