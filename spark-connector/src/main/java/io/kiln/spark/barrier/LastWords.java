package io.kiln.spark.barrier;

import io.kiln.spark.barrier.RankMessage.Failed;
import io.kiln.spark.barrier.RankMessage.Fault;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What the ranks of each attempt said before they ended. An attempt whose ranks had no time to
 * speak has no words, and is not told with another one's.
 */
final class LastWords {
  /** What came late may still belong to the attempt before. */
  private static final int KEPT = 3;

  private final TreeMap<Integer, Failed> byAttempt = new TreeMap<>();

  /**
   * A rank ends. The latest one is believed, but who heard of another's end only until that one
   * speaks for itself.
   */
  void heard(Failed failed) {
    if (failed.fault() == Fault.PEER) {
      byAttempt.putIfAbsent(failed.attempt(), failed);
    } else {
      byAttempt.put(failed.attempt(), failed);
    }
    while (byAttempt.size() > KEPT) {
      byAttempt.pollFirstEntry();
    }
  }

  /** An attempt that cannot go on ends for the reason of the one before. */
  void repeat(int attempt) {
    of(attempt - 1).ifPresent(last -> byAttempt.put(attempt, last));
  }

  /** Why an attempt ended, if any of its ranks said so. */
  Optional<Failed> of(int attempt) {
    return Optional.ofNullable(byAttempt.get(attempt));
  }

  /** Why the ranks were started again, in one line. */
  String causeOf(int attempt) {
    return of(attempt - 1).map(RankFailedException::line).orElse("an executor was lost");
  }
}
