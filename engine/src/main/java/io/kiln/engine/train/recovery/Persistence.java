package io.kiln.engine.train.recovery;

import io.kiln.engine.checkpoint.CheckpointException;
import io.kiln.engine.checkpoint.SafetensorsException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * What a store refuses is tried again after some pauses: stores are away for a moment. What is
 * damaged stays damaged, and is not.
 *
 * @param pauses before the second try, the third …
 * @param ended whether nobody wants it any more
 */
record Persistence(List<Duration> pauses, BooleanSupplier ended) {
  /** Something that a store may refuse. */
  interface Work<T> {
    T run() throws IOException;
  }

  /** Whether it is the content that is at fault, not the way to it. */
  static boolean isDamage(IOException error) {
    return error instanceof CheckpointException || error instanceof SafetensorsException;
  }

  /**
   * Does it, or fails as it failed the last time.
   *
   * @throws InterruptedException between two tries
   */
  <T> T of(Work<T> work) throws IOException, InterruptedException {
    IOException before = null;
    for (int i = 0; ; i++) {
      try {
        return work.run();
      } catch (IOException refused) {
        if (before != null && before != refused) {
          refused.addSuppressed(before);
        }
        if (i == pauses.size() || isDamage(refused) || ended.getAsBoolean()) {
          throw refused;
        }
        before = refused;
      }
      Thread.sleep(pauses.get(i).toMillis());
    }
  }
}
