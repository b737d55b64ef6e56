package io.kiln.engine.model;

/** How a parameter's first value is drawn. */
public sealed interface Initialization {
  /** Every element the same. */
  record Constant(double value) implements Initialization {}

  /** Independent normal draws. */
  record Normal(double mean, double standardDeviation) implements Initialization {}

  /** Independent uniform draws from {@code [low, high)}. */
  record Uniform(double low, double high) implements Initialization {}
}
