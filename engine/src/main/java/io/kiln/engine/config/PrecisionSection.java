package io.kiln.engine.config;

import io.kiln.engine.tensor.Dtype;
import java.util.List;

/** Reads {@code fp16} and {@code bf16}. */
final class PrecisionSection {
  /** The greatest power of two in fp32, in which the loss is multiplied: beyond it is infinity. */
  private static final int GREATEST_POWER = Float.MAX_EXPONENT;

  private static final double GREATEST_SCALE = Math.scalb(1.0, GREATEST_POWER);

  private PrecisionSection() {}

  static PrecisionConfig read(JsonSection root, AutoValues auto, List<String> notes) {
    if (root.has("bf16") && root.has("bfloat16")) {
      throw root.error("bfloat16", "is the old name of bf16, which is here too: leave one out");
    }
    JsonSection fp16 = root.sectionOrEmpty("fp16").autoAsAbsent();
    JsonSection bf16 =
        root.sectionOrEmpty(root.has("bfloat16") ? "bfloat16" : "bf16").autoAsAbsent();
    boolean inFp16 = enabled(fp16, auto.precision() == Dtype.FP16);
    boolean inBf16 = enabled(bf16, auto.precision() == Dtype.BF16);
    LossScaleConfig fp16Scale = lossScale(fp16, inFp16);
    refuse(fp16, "auto_cast");
    refuse(fp16, "fp16_master_weights_and_grads");
    boolean skipNonFinite = bf16.flag("check_grad_overflow", true);
    refuse(bf16, "bf16_master_weights_and_grads");
    refuse(bf16, "bf16_optimizer_states");
    if (bf16.flag("immediate_grad_update", false)) {
      notes.add(bf16.pathOf("immediate_grad_update") + " has no effect in Kiln");
    }
    if (inFp16 && inBf16) {
      throw new ConfigException(root.path(), "fp16 and bf16 are both enabled: disable one");
    }
    if (inFp16) {
      return new PrecisionConfig(Dtype.FP16, fp16Scale);
    }
    return inBf16
        ? new PrecisionConfig(Dtype.BF16, new LossScaleConfig.None(skipNonFinite))
        : new PrecisionConfig(Dtype.FP32, new LossScaleConfig.None(false));
  }

  private static boolean enabled(JsonSection section, boolean auto) {
    return section.isAuto("enabled") ? auto : section.flag("enabled", false);
  }

  private static LossScaleConfig lossScale(JsonSection fp16, boolean inUse) {
    double scale = fp16.numberFrom(0, "loss_scale", 0);
    if (scale > GREATEST_SCALE || scale > 0 && scale < Float.MIN_NORMAL) {
      throw fp16.error(
          "loss_scale",
          scale
              + " is not in fp32's range: write a power of two up to 2^"
              + GREATEST_POWER
              + ", or 0 for a scale that adapts");
    }
    // DeepSpeed checks these two only where they act: a fixed scale may carry unused ones.
    boolean dynamic = inUse && scale == 0;
    long least = dynamic ? 1 : Long.MIN_VALUE;
    int power = fp16.integerFrom(0, "initial_scale_power", 16);
    if (power > GREATEST_POWER) {
      throw fp16.error(
          "initial_scale_power",
          "must be at most "
              + GREATEST_POWER
              + " (2^"
              + power
              + " is infinity in fp32), not "
              + power);
    }
    long window = fp16.wholeFrom(least, "loss_scale_window", 1000);
    int hysteresis = fp16.integerFrom(1, "hysteresis", 2);
    boolean consecutive = fp16.flag("consecutive_hysteresis", false);
    long minimum = fp16.wholeFrom(least, "min_loss_scale", 1);
    return scale == 0
        ? new LossScaleConfig.Dynamic(
            Math.scalb(1.0, power), window, minimum, hysteresis, consecutive)
        : new LossScaleConfig.Static(scale);
  }

  private static void refuse(JsonSection section, String flag) {
    if (section.flag(flag, false)) {
      throw section.error(flag, "DeepSpeed's " + flag + " is not supported by Kiln yet: remove it");
    }
  }
}
