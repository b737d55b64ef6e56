package io.kiln.spark.training;

import io.kiln.datasource.DataException;
import io.kiln.datasource.DataSection;
import io.kiln.engine.config.DeepSpeedConfig;
import io.kiln.spark.job.Job;
import io.kiln.spark.output.RunFolder;
import java.nio.file.Files;
import java.nio.file.Path;

/** What can be said of a job before anything is started for it. */
public final class JobCheck {
  private JobCheck() {}

  /**
   * @throws io.kiln.engine.config.ConfigException or {@link DataException} if the job cannot be run
   */
  public static void beforeSpark(Job job) {
    new ModelChoice(job.model(), job.data()).check();
    job.spark()
        .ranksWithoutAsking()
        .ifPresent(ranks -> DeepSpeedConfig.parse(job.deepspeed(), ranks));
    job.data().path().forEach(JobCheck::requirePath);
    requireTokenizer(job.data());
    RunFolder.local(job.outputDir())
        .filter(Files::exists)
        .ifPresent(
            taken -> {
              throw RunFolder.exists(job.outputDir());
            });
  }

  /** The folder that a local path or glob begins with; what lies in it is Spark's to say. */
  private static void requirePath(String path) {
    RunFolder.local(path)
        .map(local -> local.toString().split("[*?\\[{]", 2))
        .ifPresent(
            parts -> {
              Path fixed = Path.of(parts[0].isEmpty() ? "." : parts[0]);
              Path folder =
                  parts.length == 1 || parts[0].endsWith("/") || fixed.getParent() == null
                      ? fixed
                      : fixed.getParent();
              boolean relativeGlob = parts.length == 2 && !parts[0].contains("/");
              if (!relativeGlob && !Files.exists(folder)) {
                throw new DataException(
                    "data.path: there is nothing at "
                        + path
                        + " (from "
                        + Path.of("").toAbsolutePath()
                        + "): mend the path");
              }
            });
  }

  private static void requireTokenizer(DataSection data) {
    String name = data.tokenizer();
    if (!data.hasFeatures()
        && !name.equals("bytes")
        && !name.equals("chars")
        && RunFolder.local(name).filter(folder -> !Files.isDirectory(folder)).isPresent()) {
      throw new DataException(
          "data.tokenizer: \""
              + name
              + "\" is neither bytes nor chars nor a directory with a tokenizer.json");
    }
  }
}
