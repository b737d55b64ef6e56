package io.kiln.engine.optim;

/**
 * What an optimizer applies to one parameter group at one step.
 *
 * @param learningRate this step's, after the schedule and the group's own factor
 * @param weightDecay the group's
 * @param beta1 first-moment decay or momentum, after a schedule that moves it (OneCycle)
 * @param beta2 second-moment decay, likewise
 */
public record Rates(double learningRate, double weightDecay, double beta1, double beta2) {}
