package io.kiln.spark.cluster;

import io.kiln.engine.config.ConfigException;
import org.apache.spark.SparkConf;

/** Whether a session that somebody else started can run a barrier job at all. */
public final class SessionCheck {
  private SessionCheck() {}

  /**
   * @throws ConfigException where Spark would refuse it later, with the mend
   */
  public static void refuse(SparkConf conf) {
    if (conf.getBoolean("spark.dynamicAllocation.enabled", false)) {
      throw new ConfigException(
          "spark.dynamicAllocation.enabled",
          "is true, and a barrier stage needs all its slots at once: start the session with false");
    }
    if (conf.getBoolean("spark.speculation", false)) {
      throw new ConfigException(
          "spark.speculation",
          "is true, and a rank cannot run twice: start the session with false");
    }
  }
}
