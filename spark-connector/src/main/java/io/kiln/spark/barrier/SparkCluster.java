package io.kiln.spark.barrier;

import io.kiln.spark.cluster.Slots;
import org.apache.spark.SparkContext;

/**
 * Spark's.
 *
 * @param tag of the jobs that are ended
 */
record SparkCluster(SparkContext spark, String tag) implements Cluster {
  @Override
  public int slots() {
    return Slots.now(spark);
  }

  @Override
  public boolean isLeaving(String executor) {
    return spark.taskScheduler().getExecutorDecommissionState(executor).isDefined();
  }

  @Override
  public void replace(String executor) {
    spark.killAndReplaceExecutor(executor);
  }

  @Override
  public void endTask(long task, String why) {
    spark.killTaskAttempt(task, true, why);
  }

  @Override
  public void endJob(String why) {
    spark.cancelJobsWithTag(tag, why);
  }
}
