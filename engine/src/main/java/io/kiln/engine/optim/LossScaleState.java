package io.kiln.engine.optim;

/**
 * All that a loss scaler remembers, for checkpoints.
 *
 * @param scale now
 * @param cleanSteps steps since the last overflow or the start
 * @param hysteresis overflows until the scale is halved, that one counted
 */
public record LossScaleState(double scale, long cleanSteps, int hysteresis) {}
