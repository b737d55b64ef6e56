package io.kiln.engine.train;

import java.util.Arrays;

/**
 * Adds up where a step's time goes: each lap belongs to the phase that has just ended. One clock
 * goes through all steps of a training, so that nothing between two of them is lost.
 */
final class StepClock {
  /** What a step is made of. */
  enum Phase {
    DATA,
    FORWARD,
    BACKWARD,
    REDUCE,
    UPDATE
  }

  private final long[] nanos = new long[Phase.values().length];
  private long last;
  private long between;
  private boolean went;

  /** A step begins. */
  void begin() {
    long now = System.nanoTime();
    between = went ? now - last : 0;
    went = true;
    last = now;
    Arrays.fill(nanos, 0);
  }

  void lap(Phase ended) {
    long now = System.nanoTime();
    nanos[ended.ordinal()] += now - last;
    last = now;
  }

  StepTimes times() {
    return new StepTimes(
        millis(Phase.DATA),
        millis(Phase.FORWARD),
        millis(Phase.BACKWARD),
        millis(Phase.REDUCE),
        millis(Phase.UPDATE),
        between / 1e6);
  }

  private double millis(Phase phase) {
    return nanos[phase.ordinal()] / 1e6;
  }
}
