package io.kiln.engine.model;

/** How a decoder tells positions apart. */
public sealed interface Positions permits Positions.Learned, Rotary {
  /** A learned vector a position, added to the token's (GPT-2). */
  record Learned() implements Positions {}
}
