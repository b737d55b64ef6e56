package io.kiln.spark.cluster;

import io.kiln.engine.config.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Where the driver's Spark keeps its temporary files ({@code spark.local.dir}). It goes on with
 * those that it can use, and without any it ends its process with no word.
 *
 * @param given as the job has it
 */
public record LocalDirectories(String given) {
  private static final String KEY = "spark.local.dir";

  /** Comes before the setting wherever it is set. */
  private static final String VARIABLE = "SPARK_LOCAL_DIRS";

  /**
   * @param conf of a job
   * @param environment of the driver
   * @return empty where the job does not say, or somebody else does
   */
  public static Optional<LocalDirectories> of(
      Map<String, String> conf, Map<String, String> environment) {
    boolean elsewhere =
        environment.containsKey(VARIABLE)
            || "cluster".equals(conf.get("spark.submit.deployMode"))
            || conf.getOrDefault(KEY, "").contains("${");
    return elsewhere
        ? Optional.empty()
        : Optional.ofNullable(conf.get(KEY)).map(LocalDirectories::new);
  }

  /**
   * Tries to write, and leaves nothing.
   *
   * @throws ConfigException if none of them can be used
   */
  public void requireOne() {
    List<String> reasons = new ArrayList<>();
    for (String name : given.split(",")) {
      try {
        tryOut(Path.of(name.strip()).toAbsolutePath());
        return;
      } catch (IOException | InvalidPathException unusable) {
        reasons.add(unusable.getClass().getSimpleName() + ": " + unusable.getMessage());
      }
    }
    throw new ConfigException(
        "spark.conf." + KEY,
        "nothing can be written in "
            + given
            + " ("
            + reasons.get(0).lines().findFirst().orElse("")
            + "): name a folder that can be made");
  }

  private static void tryOut(Path folder) throws IOException {
    List<Path> made = new ArrayList<>();
    for (Path at = folder; at != null && !Files.exists(at); at = at.getParent()) {
      made.add(at);
    }
    try {
      Files.createDirectories(folder);
      Files.delete(Files.createTempDirectory(folder, "kiln-"));
    } finally {
      for (Path folderOfOurs : made) {
        Files.deleteIfExists(folderOfOurs);
      }
    }
  }
}
