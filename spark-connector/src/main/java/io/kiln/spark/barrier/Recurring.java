package io.kiln.spark.barrier;

import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;

/**
 * What a scheduler does again and again. The scheduler would drop it for ever, in silence, when it
 * throws once; here it is told, each line once, and the next time comes. Of one thread alone.
 */
final class Recurring implements Runnable {
  private final String what;
  private final Runnable action;
  private final Consumer<String> log;
  private final Set<String> told = new HashSet<>();

  /**
   * @param what it is, for the line
   * @param log takes a line
   */
  Recurring(String what, Runnable action, Consumer<String> log) {
    this.what = what;
    this.action = action;
    this.log = log;
  }

  @Override
  public void run() {
    try {
      action.run();
      // Spark, which is written in Scala, throws checked exceptions past every declaration.
    } catch (Exception | Error failure) {
      String line = what + " failed and is tried again: " + OneLine.of(failure);
      if (told.add(line)) {
        log.accept(line);
      }
    }
  }
}
