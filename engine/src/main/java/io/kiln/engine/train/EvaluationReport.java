package io.kiln.engine.train;

/**
 * What an evaluation found, the same on every rank.
 *
 * @param step steps taken before it
 * @param loss mean over all valid targets of the split
 * @param targets how many those were
 */
public record EvaluationReport(long step, double loss, long targets) {}
