package io.kiln.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A job on a cluster that has a Spark of its own and none of Kiln's jars. */
class StandaloneSubmitTest {
  @TempDir Path folder;

  @Test
  void the_submit_line_trains_on_a_master_and_two_workers() throws Exception {
    TinyJob job = TinyJob.in(folder);
    String line = KilnRun.ended(folder, "submit-line").out().strip();
    assertTrue(line.startsWith("spark-submit --class "), line);
    Path home = foreignSpark(line);
    try (StandaloneCluster cluster = StandaloneCluster.start(folder, home)) {
      String master = cluster.url();
      cluster.startWorker();
      cluster.startWorker();
      ProcessBuilder shell =
          new ProcessBuilder(
              "bash",
              "-c",
              "spark-submit() { "
                  + cluster.submitCommand()
                  + " \"$@\"; }; "
                  + line
                  + " "
                  + job.file()
                  + " --set training.max_steps=20");
      cluster.environment(shell);
      try (KilnRun run = KilnRun.of(folder, shell)) {
        assertEquals(0, run.await(Duration.ofMinutes(3)), run.said());
        assertTrue(run.out().contains("step 20/20"), run.out());
        assertTrue(run.out().contains("--- sample"), run.out());
      }
      JsonNode summary = new ObjectMapper().readTree(job.output().resolve("summary.json").toFile());
      // Nobody said how many ranks: one for each slot that the cluster has.
      assertEquals(2, summary.get("world_size").asInt());
      assertTrue(Files.exists(job.output().resolve("model.safetensors")));

      // The same cluster from bin/kiln, which brings its own driver and sends the jars along.
      Path other = folder.resolve("other");
      try (KilnRun run =
          KilnRun.ended(
              folder,
              "train",
              job.file().toString(),
              "--set",
              "spark.master=" + master,
              "--set",
              "spark.conf.spark.driver.host=127.0.0.1",
              "--set",
              "training.max_steps=5",
              "--set",
              "output_dir=" + other)) {
        assertEquals(0, run.status(), run.said());
        assertEquals(5, Files.readAllLines(other.resolve("metrics.jsonl")).size());
      }
    }
  }

  /** A home with Spark's jars alone. */
  private Path foreignSpark(String line) throws IOException {
    List<String> words = Arrays.asList(line.split(" "));
    Set<String> ours =
        Arrays.stream(words.get(words.indexOf("--jars") + 1).split(","))
            .map(jar -> Path.of(jar).getFileName().toString())
            .collect(Collectors.toSet());
    Path jars = Files.createDirectories(folder.resolve("spark/jars"));
    try (Stream<Path> all = Files.list(KilnRun.ROOT.resolve("target/spark-home/jars"))) {
      for (Path jar : all.toList()) {
        String name = jar.getFileName().toString();
        if (!ours.contains(name) && !name.startsWith("kiln-")) {
          Files.createSymbolicLink(jars.resolve(name), jar);
        }
      }
    }
    return jars.getParent();
  }
}
