package io.kiln.spark.cluster;

import java.time.Duration;
import java.util.OptionalInt;
import org.apache.spark.SparkContext;

/**
 * Tasks that a running cluster can run at once. Executors register one by one after the session has
 * started, so the number grows for a while.
 */
public final class Slots {
  private static final Duration LONGEST = Duration.ofSeconds(60);
  private static final Duration SETTLED = Duration.ofSeconds(4);

  /** Some are there, and no more have come for so long: the cluster has no more to give. */
  private static final Duration NO_MORE = Duration.ofSeconds(10);

  private Slots() {}

  /** Now. */
  public static int now(SparkContext spark) {
    // Not public in Spark's own sense; it is what the barrier scheduler itself asks.
    return spark.maxNumConcurrentTasks(spark.resourceProfileManager().defaultResourceProfile());
  }

  /**
   * Waits until so many are there, a minute at the most, and no longer than ten seconds after the
   * last ones came; without a number, until there are some and no more have come for four seconds.
   *
   * @return how many there are; fewer than wanted if they did not come
   */
  public static int await(SparkContext spark, OptionalInt wanted) {
    long begin = System.nanoTime();
    long grew = begin;
    int slots = now(spark);
    while (wanted.isPresent()
        ? slots < wanted.getAsInt()
        : slots == 0 || System.nanoTime() - grew < SETTLED.toNanos()) {
      if (System.nanoTime() - begin > LONGEST.toNanos()
          || slots > 0 && System.nanoTime() - grew > NO_MORE.toNanos()) {
        break;
      }
      try {
        Thread.sleep(50);
      } catch (InterruptedException hurried) {
        Thread.currentThread().interrupt();
        break;
      }
      int more = now(spark);
      if (more != slots) {
        slots = more;
        grew = System.nanoTime();
      }
    }
    return slots;
  }
}
