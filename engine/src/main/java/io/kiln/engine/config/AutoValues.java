package io.kiln.engine.config;

import io.kiln.engine.tensor.Dtype;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * What the string {@code "auto"} stands for. {@link #defaults()} are those of Hugging Face's
 * TrainingArguments, whose integration gave the string its meaning; the run fills in what it knows.
 *
 * @param learningRate optimizer.params.lr
 * @param beta1 optimizer.params.betas[0]
 * @param beta2 optimizer.params.betas[1]
 * @param epsilon optimizer.params.eps
 * @param weightDecay optimizer.params.weight_decay
 * @param warmupSteps scheduler.params.warmup_num_steps
 * @param totalSteps scheduler.params.total_num_steps: steps of the whole run, where known
 * @param microBatch train_micro_batch_size_per_gpu, where the other two do not decide it
 * @param accumulation gradient_accumulation_steps, likewise
 * @param gradientClipping gradient_clipping
 * @param precision fp16.enabled and bf16.enabled
 * @param hiddenSize width of the model, where known: reduce_bucket_size is its square,
 *     stage3_prefetch_bucket_size nine tenths of that, stage3_param_persistence_threshold ten times
 *     the width; where not, DeepSpeed's defaults hold
 */
public record AutoValues(
    double learningRate,
    double beta1,
    double beta2,
    double epsilon,
    double weightDecay,
    long warmupSteps,
    OptionalLong totalSteps,
    int microBatch,
    int accumulation,
    double gradientClipping,
    Dtype precision,
    OptionalInt hiddenSize) {

  /** Hugging Face's: lr 5e-5, betas 0.9 and 0.999, eps 1e-8, no decay, batch 8, clipping 1. */
  public static AutoValues defaults() {
    return new AutoValues(
        5e-5,
        0.9,
        0.999,
        1e-8,
        0,
        0,
        OptionalLong.empty(),
        8,
        1,
        1.0,
        Dtype.FP32,
        OptionalInt.empty());
  }

  /** The same with the number of steps of the run. */
  public AutoValues withTotalSteps(long steps) {
    return new AutoValues(
        learningRate,
        beta1,
        beta2,
        epsilon,
        weightDecay,
        warmupSteps,
        OptionalLong.of(steps),
        microBatch,
        accumulation,
        gradientClipping,
        precision,
        hiddenSize);
  }

  /** The same with the width of the model. */
  public AutoValues withHiddenSize(int width) {
    return new AutoValues(
        learningRate,
        beta1,
        beta2,
        epsilon,
        weightDecay,
        warmupSteps,
        totalSteps,
        microBatch,
        accumulation,
        gradientClipping,
        precision,
        OptionalInt.of(width));
  }
}
