package io.kiln.spark.barrier;

import org.apache.spark.SparkEnv;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/**
 * Ctrl-C. A terminal sends it to every process of a command, to the executors of a local cluster
 * too, which would end before the driver could have them save what they hold.
 */
final class KeyboardInterrupt {
  private static final Signal SIGNAL = new Signal("INT");

  private KeyboardInterrupt() {}

  /** In an executor nothing ends by it: that is the driver's to say. */
  static void leaveToDriver() {
    if (!SparkEnv.get().executorId().equals(Supervisor.DRIVER)) {
      Signal.handle(SIGNAL, SignalHandler.SIG_IGN);
    }
  }
}
