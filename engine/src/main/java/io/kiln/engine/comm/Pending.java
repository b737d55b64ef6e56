package io.kiln.engine.comm;

/** A collective that has left and not yet arrived. */
public interface Pending {
  /** Nothing under way. */
  Pending DONE = () -> {};

  /**
   * Waits until the output is filled and the input may be overwritten. Returns at once when called
   * again.
   *
   * @throws CommunicationException if a peer is gone or late
   */
  void await();
}
