package io.kiln.engine.train;

/** Adds up where a step's time goes: each lap belongs to the phase that has just ended. */
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
  private long last = System.nanoTime();

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
        millis(Phase.UPDATE));
  }

  private double millis(Phase phase) {
    return nanos[phase.ordinal()] / 1e6;
  }
}
