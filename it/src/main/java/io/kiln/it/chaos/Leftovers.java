package io.kiln.it.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * What a run has left behind when it is over: processes, files in its temporary folder and in
 * shared memory, drafts. Each run is given a temporary folder of its own, so that other jobs of
 * this machine do not count.
 */
final class Leftovers {
  private static final Path SHARED_MEMORY = Path.of("/dev/shm");
  private static final Duration LONGEST = Duration.ofSeconds(20);

  private final Path temporary;
  private final Set<String> before;

  /**
   * Before the run.
   *
   * @param temporary folder that is empty
   */
  Leftovers(Path temporary) throws IOException {
    this.temporary = temporary;
    this.before = segments();
  }

  /** What makes the run's processes write there. */
  Map<String, String> environment() {
    return Map.of(
        "TMPDIR", temporary.toString(), "JDK_JAVA_OPTIONS", "-Djava.io.tmpdir=" + temporary);
  }

  /** The same for Spark. */
  List<String> overrides() {
    return List.of("spark.conf.spark.local.dir=" + temporary);
  }

  private static Set<String> segments() throws IOException {
    try (Stream<Path> files = Files.list(SHARED_MEMORY)) {
      return new TreeSet<>(files.map(Path::toString).filter(f -> f.contains("/kiln")).toList());
    }
  }

  /** After the run: what does not go away within some seconds. */
  List<String> of(Path outputDir, Drafts drafts) throws IOException, InterruptedException {
    long end = System.nanoTime() + LONGEST.toNanos();
    while (true) {
      List<String> left = now(outputDir, drafts);
      if (left.isEmpty() || System.nanoTime() > end) {
        return left;
      }
      Thread.sleep(100);
    }
  }

  private List<String> now(Path outputDir, Drafts drafts) throws IOException {
    List<String> left = new ArrayList<>();
    RunProcesses.all(outputDir).forEach(process -> left.add("process " + process.pid()));
    segments().stream().filter(file -> !before.contains(file)).forEach(left::add);
    try (Stream<Path> files = Files.list(temporary)) {
      files.map(Path::toString).forEach(left::add);
    }
    try (Stream<Path> files = Files.list(outputDir)) {
      files
          .filter(file -> file.getFileName().toString().startsWith("."))
          .map(Path::toString)
          .forEach(left::add);
    }
    left.addAll(drafts.left());
    if (Files.exists(outputDir.resolve("logs/spark"))) {
      left.add(outputDir.resolve("logs/spark").toString());
    }
    return left;
  }
}
