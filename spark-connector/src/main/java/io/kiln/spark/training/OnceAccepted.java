package io.kiln.spark.training;

import io.kiln.spark.barrier.RunListener;
import java.util.concurrent.atomic.AtomicBoolean;

/** Does something once all ranks have accepted what the run is to begin from. */
final class OnceAccepted implements RunListener {
  private final Runnable work;
  private final AtomicBoolean done = new AtomicBoolean();

  OnceAccepted(Runnable work) {
    this.work = work;
  }

  @Override
  public void onBeginning() {
    accepted();
  }

  @Override
  public void onResume(long step, String where) {
    accepted();
  }

  private void accepted() {
    if (done.compareAndSet(false, true)) {
      work.run();
    }
  }
}
