package io.kiln.spark.job;

import java.nio.file.Files;

/** What can be said of a job before anything is started for it. */
public final class JobCheck {
  private JobCheck() {}

  /**
   * @throws io.kiln.engine.config.ConfigException if the job cannot be run
   */
  public static void beforeSpark(Job job) {
    job.spark().ranksWithoutAsking();
    RunFolder.local(job.outputDir())
        .filter(Files::exists)
        .ifPresent(
            taken -> {
              throw RunFolder.exists(job.outputDir());
            });
  }
}
