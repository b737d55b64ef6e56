package io.kiln.engine.train.recovery;

import io.kiln.engine.checkpoint.CheckpointException;
import java.io.UncheckedIOException;

/**
 * As many checkpoints in a row as a run bears could not be written: it ends. Started again, it
 * would repeat its steps and fail again. One line.
 */
public final class CheckpointsFailedException extends UncheckedIOException {
  private static final long serialVersionUID = 1L;

  public CheckpointsFailedException(CheckpointException cause) {
    super(cause.getMessage(), cause);
  }
}
