package io.kiln.engine.comm;

import java.lang.reflect.Field;
import java.nio.ByteBuffer;

/**
 * Gives a mapped buffer's memory back now. Java 17 has no other way than the collector, which does
 * not know that megabytes of shared memory hang on a small object.
 */
final class Unmapping {
  private Unmapping() {}

  /** The buffer, and everything that points into it, must not be touched again. */
  static void unmap(ByteBuffer buffer) {
    try {
      Class<?> unsafe = Class.forName("sun.misc.Unsafe");
      Field instance = unsafe.getDeclaredField("theUnsafe");
      instance.setAccessible(true);
      unsafe.getMethod("invokeCleaner", ByteBuffer.class).invoke(instance.get(null), buffer);
    } catch (ReflectiveOperationException e) {
      // Then the collector does it, later.
      return;
    }
  }
}
