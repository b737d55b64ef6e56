package io.kiln.engine.tensor;

import java.util.ArrayDeque;
import java.util.Deque;
import org.bytedeco.javacpp.Pointer;

/**
 * Owns native objects that outlive the {@link org.bytedeco.javacpp.PointerScope} they were made in,
 * and frees them, last first, when it is closed.
 */
public final class NativeOwner implements AutoCloseable {
  private final Deque<Runnable> frees = new ArrayDeque<>();

  /** Takes {@code pointer} over from the scope it was made in. */
  public <P extends Pointer> P own(P pointer) {
    pointer.retainReference();
    frees.push(pointer::releaseReference);
    return pointer;
  }

  /** Takes over something else that holds native memory; {@code free} is how it is freed. */
  public <T> T own(T resource, Runnable free) {
    frees.push(free);
    return resource;
  }

  @Override
  public void close() {
    while (!frees.isEmpty()) {
      frees.pop().run();
    }
  }
}
