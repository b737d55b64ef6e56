package io.kiln.engine.train.recovery;

/** Hears of checkpoints, on the training thread; must not block. */
public interface CheckpointListener {
  /** On every rank: the training goes on from this checkpoint. */
  default void onResume(long step, String where) {}

  /** On every rank: the rank waits until an earlier checkpoint is written. */
  default void onWait(long step) {}

  /**
   * On every rank: a checkpoint is whole.
   *
   * @param report how it went
   */
  default void onCheckpoint(CheckpointReport report) {}

  /** On the rank that saw it: something went wrong and was mended or given up, in one line. */
  default void onRemark(String line) {}
}
