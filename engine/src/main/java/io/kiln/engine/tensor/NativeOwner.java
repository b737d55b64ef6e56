package io.kiln.engine.tensor;

import java.util.ArrayDeque;
import java.util.Deque;
import org.bytedeco.javacpp.Pointer;

/**
 * Owns native objects that outlive the {@link org.bytedeco.javacpp.PointerScope} they were made in,
 * and frees them, last first, when it is closed.
 */
public final class NativeOwner implements AutoCloseable {
  private final Deque<Pointer> owned = new ArrayDeque<>();

  /** Takes {@code pointer} over from the scope it was made in. */
  public <P extends Pointer> P own(P pointer) {
    pointer.retainReference();
    owned.push(pointer);
    return pointer;
  }

  @Override
  public void close() {
    while (!owned.isEmpty()) {
      owned.pop().releaseReference();
    }
  }
}
