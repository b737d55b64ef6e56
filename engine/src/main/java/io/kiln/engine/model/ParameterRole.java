package io.kiln.engine.model;

/** What a parameter is to the computation: decides how tensor parallelism would cut it. */
public enum ParameterRole {
  /** A table of rows, one a token or position. */
  EMBEDDING,
  /** A product whose output features may be divided among ranks. */
  COLUMN,
  /** A product whose input features may be divided among ranks. */
  ROW,
  /** An offset added to a product's output. */
  BIAS,
  /** A scale or offset of a normalisation. */
  NORM
}
