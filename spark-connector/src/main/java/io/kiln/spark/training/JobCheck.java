package io.kiln.spark.training;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.datasource.DataException;
import io.kiln.engine.config.AutoValues;
import io.kiln.engine.config.DeepSpeedConfig;
import io.kiln.engine.config.ElasticityConfig;
import io.kiln.spark.cluster.LocalDirectories;
import io.kiln.spark.job.Job;
import io.kiln.spark.output.RunFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** What can be said of a job before anything is started for it. */
public final class JobCheck {
  private static final List<String> BATCH_SIZES =
      List.of("train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps");

  private JobCheck() {}

  /**
   * @return what is understood and changes nothing, a line each
   * @throws io.kiln.engine.config.ConfigException or {@link DataException} if the job cannot be run
   */
  public static List<String> beforeSpark(Job job) {
    ModelChoice model = new ModelChoice(job.model(), job.data());
    model.check();
    DeepSpeedConfig deepspeed = deepspeed(job);
    List<String> notes = new ArrayList<>(deepspeed.notes());
    notes.addAll(model.check(deepspeed.groups()));
    SourceFormat.require(job.data().format(), job.spark().conf(), System.getenv());
    LocalDirectories.of(job.spark().conf(), System.getenv())
        .ifPresent(LocalDirectories::requireOne);
    job.data().path().forEach(JobCheck::requirePath);
    RunFolder.local(job.outputDir())
        .filter(Files::exists)
        .ifPresent(
            taken ->
                RunFolder.requireContinuable(
                    job.outputDir(), taken, job.training().checkpoints().mayContinue()));
    return notes;
  }

  /** Where the number of ranks is the cluster's to say, all but the batch sizes can be checked. */
  private static DeepSpeedConfig deepspeed(Job job) {
    AutoValues auto = new AutoSizes(job.training().maxSteps().orElse(1), 0).values();
    Optional<ElasticityConfig> elasticity = DeepSpeedConfig.elasticity(job.deepspeed());
    OptionalInt slots = job.spark().slotsWithoutAsking();
    OptionalInt ranks = job.spark().ranks();
    if (slots.isPresent()) {
      ranks = OptionalInt.of(job.spark().ranksOn(slots.getAsInt(), elasticity));
    } else if (ranks.isEmpty() && elasticity.isPresent()) {
      ranks = OptionalInt.of(elasticity.get().largestUpTo(Integer.MAX_VALUE));
    }
    if (ranks.isPresent() || !job.deepspeed().isObject()) {
      return DeepSpeedConfig.parse(job.deepspeed(), ranks.orElse(1), auto);
    }
    ObjectNode anyBatch = job.deepspeed().deepCopy();
    anyBatch.remove(BATCH_SIZES);
    return DeepSpeedConfig.parse(anyBatch.put(BATCH_SIZES.get(0), 1), 1, auto);
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
}
