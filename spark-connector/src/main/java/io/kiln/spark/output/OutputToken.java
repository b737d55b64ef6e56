package io.kiln.spark.output;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import org.apache.hadoop.fs.FSError;

/**
 * A word of the driver's in its output directory, by which rank 0 knows the directory ({@link
 * SharedOutput}). It stays as long as ranks may start again, on other machines perhaps, and goes
 * with the run; what a driver left that was killed, the next run in this directory replaces.
 */
public final class OutputToken implements AutoCloseable {
  /** Its name in the output directory. */
  static final String NAME = ".driver";

  private final OutputDirectory directory;
  private final String text = UUID.randomUUID().toString();

  private OutputToken(OutputDirectory directory) {
    this.directory = directory;
  }

  /** Leaves one. */
  public static OutputToken leaveIn(OutputDirectory directory) {
    OutputToken token = new OutputToken(directory);
    directory.write(NAME, token.text.getBytes(StandardCharsets.UTF_8));
    try {
      directory.deleteAtEnd(NAME);
    } catch (IOException unclear) {
      // A driver that is told to end would leave it, then.
    }
    return token;
  }

  /** What ranks are to find. */
  public SharedOutput seenByRanks() {
    return new SharedOutput(directory.path(), text, directory.isTemporary());
  }

  @Override
  public void close() {
    try {
      directory.delete(NAME);
    } catch (IOException | RuntimeException | FSError stays) {
      // It says nothing to anybody; the run's own outcome is what counts.
    }
  }
}
