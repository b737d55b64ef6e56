package io.kiln.engine.optim;

/**
 * First- and second-moment decay at one step, where a schedule moves them.
 *
 * @param beta1 of the first moment
 * @param beta2 of the second moment
 */
public record Momenta(double beta1, double beta2) {}
