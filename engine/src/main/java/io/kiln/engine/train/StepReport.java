package io.kiln.engine.train;

/**
 * What one step did, the same on every rank but for the times.
 *
 * @param step from 1
 * @param loss mean over the valid targets of the global batch, before the step
 * @param learningRate of the first parameter group
 * @param gradientNorm global L2 norm before clipping, unscaled; not finite where the step was
 *     skipped
 * @param lossScale that the step was computed with
 * @param skipped whether an overflow made all ranks skip the update
 * @param tokens valid targets of the global batch
 * @param times where the step's wall time went on this rank
 */
public record StepReport(
    long step,
    double loss,
    double learningRate,
    double gradientNorm,
    double lossScale,
    boolean skipped,
    long tokens,
    StepTimes times) {}
