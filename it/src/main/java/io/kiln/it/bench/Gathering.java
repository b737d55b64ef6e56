package io.kiln.it.bench;

import java.time.Duration;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/** Collects one line of every rank and gives all of them to each; waits for none for ever. */
final class Gathering {
  private final String[] lines;
  private final Duration longest;
  private final TreeSet<Integer> missing = new TreeSet<>();
  private final TreeSet<Integer> ended = new TreeSet<>();
  private int round;
  private String answer = "";

  /**
   * @param longest that a rank waits for the others
   */
  Gathering(int ranks, Duration longest) {
    this.lines = new String[ranks];
    this.longest = longest;
    begin();
  }

  private void begin() {
    for (int rank = 0; rank < lines.length; rank++) {
      missing.add(rank);
    }
  }

  /**
   * @return every rank's line, in rank order, with tabs between
   * @throws IllegalStateException if a rank has ended or does not come in time; names it
   */
  synchronized String exchange(int rank, String line) throws InterruptedException {
    lines[rank] = line;
    missing.remove(rank);
    int mine = round;
    if (missing.isEmpty()) {
      answer = String.join("\t", lines);
      round++;
      begin();
      notifyAll();
    }
    long end = System.nanoTime() + longest.toNanos();
    while (mine == round) {
      for (int absent : missing) {
        if (ended.contains(absent)) {
          throw new IllegalStateException(
              "rank " + absent + " ended while rank " + rank + " waited for it");
        }
      }
      long left = end - System.nanoTime();
      if (left <= 0) {
        throw new IllegalStateException(
            "rank "
                + missing.first()
                + " kept the others waiting for "
                + longest.toSeconds()
                + " s");
      }
      TimeUnit.NANOSECONDS.timedWait(this, left);
    }
    return answer;
  }

  /** A rank will say nothing more. */
  synchronized void ended(int rank) {
    ended.add(rank);
    notifyAll();
  }
}
