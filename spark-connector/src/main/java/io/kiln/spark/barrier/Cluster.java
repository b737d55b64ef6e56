package io.kiln.spark.barrier;

/** What a {@link Supervisor} asks of the cluster that its ranks run on, and does to it. */
interface Cluster {
  /** Tasks that can run at once now. */
  int slots();

  /** Whether Spark is about to take an executor away ({@code spark.decommission.enabled}). */
  boolean isLeaving(String executor);

  /** Ends an executor, whatever it does, and has another one started. */
  void replace(String executor);

  /** Ends a task, which Spark answers with a new start of all ranks. */
  void endTask(long task, String why);

  /** Ends the job; may be called again. */
  void endJob(String why);
}
