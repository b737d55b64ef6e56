package io.kiln.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.launcher.JavaModuleOptions;
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
    String master = "spark://127.0.0.1:" + freePort();
    List<KilnRun> cluster = new ArrayList<>();
    try {
      cluster.add(
          spark(
              home,
              "org.apache.spark.deploy.master.Master",
              "--host",
              "127.0.0.1",
              "--port",
              master.replaceFirst(".*:", ""),
              "--webui-port",
              "0"));
      cluster.get(0).awaitThat("a master", () -> cluster.get(0).err().contains("New state: ALIVE"));
      for (int worker = 0; worker < 2; worker++) {
        cluster.add(
            spark(
                home,
                "org.apache.spark.deploy.worker.Worker",
                "--host",
                "127.0.0.1",
                "--cores",
                "1",
                "--memory",
                "1g",
                "--webui-port",
                "0",
                "--work-dir",
                folder.resolve("work" + worker).toString(),
                master));
      }
      String submit =
          String.join(" ", java(home))
              + " -Xmx1g org.apache.spark.deploy.SparkSubmit --master "
              + master
              + " --conf spark.driver.host=127.0.0.1 --conf spark.driver.bindAddress=127.0.0.1";
      ProcessBuilder shell =
          new ProcessBuilder(
              "bash",
              "-c",
              "spark-submit() { "
                  + submit
                  + " \"$@\"; }; "
                  + line
                  + " "
                  + job.file()
                  + " --set training.max_steps=20");
      environment(shell, home);
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
    } finally {
      cluster.forEach(KilnRun::close);
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

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      return socket.getLocalPort();
    }
  }

  private static List<String> java(Path home) {
    List<String> words = new ArrayList<>();
    words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    words.addAll(List.of(JavaModuleOptions.defaultModuleOptionArray()));
    words.addAll(List.of("-cp", "'" + home.resolve("jars") + "/*'"));
    return words;
  }

  private static void environment(ProcessBuilder process, Path home) {
    process.environment().put("SPARK_HOME", home.toString());
    process.environment().put("SPARK_SCALA_VERSION", "2.13");
    process.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
  }

  private KilnRun spark(Path home, String mainClass, String... arguments) throws IOException {
    List<String> words = new ArrayList<>(java(home));
    words.replaceAll(word -> word.replace("'", ""));
    words.add("-Xmx512m");
    words.add(mainClass);
    words.addAll(List.of(arguments));
    ProcessBuilder process = new ProcessBuilder(words);
    environment(process, home);
    return KilnRun.of(folder, process);
  }
}
