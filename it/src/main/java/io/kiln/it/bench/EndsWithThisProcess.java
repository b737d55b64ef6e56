package io.kiln.it.bench;

import java.util.List;

/** What stands still cannot see that who started it is gone: it is killed with this process. */
final class EndsWithThisProcess implements AutoCloseable {
  private final Thread hook;

  EndsWithThisProcess(List<ProcessHandle> processes) {
    this.hook = new Thread(() -> processes.forEach(ProcessHandle::destroyForcibly));
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /** They have ended. */
  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException shuttingDown) {
      // It does its work.
    }
  }
}
