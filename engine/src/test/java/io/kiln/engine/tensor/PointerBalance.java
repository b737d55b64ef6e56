package io.kiln.engine.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.Assumptions;

/**
 * Sees native objects that were made and not freed.
 *
 * <p>JavaCPP counts its live objects only while its collector thread runs: under {@code
 * -Dorg.bytedeco.javacpp.nopointergc=true} the count is 0 always and says nothing. So the check is
 * skipped, visibly, where nothing is counted, and done again where a garbage collection fell in.
 */
public final class PointerBalance {
  private static final int ATTEMPTS = 20;

  private PointerBalance() {}

  /** Runs the action, which has to free all the native objects that it makes. */
  public static void assertKept(Runnable action) {
    Assumptions.assumeTrue(counts(), "JavaCPP counts no pointers in this JVM (nopointergc=true)");
    for (int attempt = 1; ; attempt++) {
      long collections = collections();
      long before = Pointer.totalCount();
      action.run();
      long after = Pointer.totalCount();
      if (collections == collections() || attempt == ATTEMPTS) {
        assertEquals(before, after, "native objects");
        return;
      }
    }
  }

  private static boolean counts() {
    try (BytePointer probe = new BytePointer(1)) {
      return Pointer.totalCount() > 0;
    }
  }

  private static long collections() {
    return ManagementFactory.getGarbageCollectorMXBeans().stream()
        .mapToLong(GarbageCollectorMXBean::getCollectionCount)
        .sum();
  }
}
