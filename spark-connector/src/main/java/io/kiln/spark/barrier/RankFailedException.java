package io.kiln.spark.barrier;

/** A barrier job that ended because of one of its ranks. The message is one line. */
public class RankFailedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final boolean inputAtFault;
  private final String rankStackTrace;

  RankFailedException(RankMessage.Failed failure) {
    super(line(failure));
    this.inputAtFault = failure.fault() == RankMessage.Fault.INPUT;
    this.rankStackTrace = failure.stackTrace();
  }

  /** Who, where and what, in one line. */
  static String line(RankMessage.Failed failure) {
    return failure.fault() == RankMessage.Fault.INPUT
        ? failure.line()
        : "rank " + failure.rank() + " on " + failure.host() + ": " + failure.line();
  }

  RankFailedException(String line, Throwable cause) {
    super(line, cause);
    this.inputAtFault = false;
    this.rankStackTrace = "";
  }

  /**
   * Whether the job's data or configuration cannot be used, rather than something having broken.
   */
  public boolean inputAtFault() {
    return inputAtFault;
  }

  /** The stack trace in the executor; empty where there was none. */
  public String rankStackTrace() {
    return rankStackTrace;
  }
}
