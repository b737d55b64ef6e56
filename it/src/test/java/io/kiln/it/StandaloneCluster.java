package io.kiln.it;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.launcher.JavaModuleOptions;

/** A Spark of its own: a master and workers of one core, processes of this machine. */
final class StandaloneCluster implements AutoCloseable {
  private final Path folder;
  private final Path home;
  private final String url;
  private final List<KilnRun> processes = new ArrayList<>();

  private StandaloneCluster(Path folder, Path home, String url) {
    this.folder = folder;
    this.home = home;
    this.url = url;
  }

  /**
   * Starts a master.
   *
   * @param folder for what it writes
   * @param home whose {@code jars} hold Spark
   */
  static StandaloneCluster start(Path folder, Path home) throws IOException, InterruptedException {
    StandaloneCluster cluster =
        new StandaloneCluster(folder, home, "spark://127.0.0.1:" + freePort());
    KilnRun master =
        cluster.spark(
            "org.apache.spark.deploy.master.Master",
            "--host",
            "127.0.0.1",
            "--port",
            cluster.url.replaceFirst(".*:", ""),
            "--webui-port",
            "0");
    master.awaitThat("a master", () -> master.err().contains("New state: ALIVE"));
    return cluster;
  }

  /** What a job calls it. */
  String url() {
    return url;
  }

  /** Starts a worker. Closing it takes it and its executors away, as a machine that is gone. */
  KilnRun startWorker() throws IOException {
    return spark(
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
        Files.createTempDirectory(folder, "work").toString(),
        url);
  }

  /** What {@code spark-submit} runs, up to its arguments, for a shell. */
  String submitCommand() {
    return String.join(" ", java(home))
        + " -Xmx1g org.apache.spark.deploy.SparkSubmit --master "
        + url
        + " --conf spark.driver.host=127.0.0.1 --conf spark.driver.bindAddress=127.0.0.1";
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

  /** Gives a process the environment of this Spark. */
  void environment(ProcessBuilder process) {
    process.environment().put("SPARK_HOME", home.toString());
    process.environment().put("SPARK_SCALA_VERSION", "2.13");
    process.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
  }

  private KilnRun spark(String mainClass, String... arguments) throws IOException {
    List<String> words = new ArrayList<>(java(home));
    words.replaceAll(word -> word.replace("'", ""));
    words.add("-Xmx512m");
    words.add(mainClass);
    words.addAll(Arrays.asList(arguments));
    ProcessBuilder process = new ProcessBuilder(words);
    environment(process);
    KilnRun run = KilnRun.of(folder, process);
    processes.add(run);
    return run;
  }

  @Override
  public void close() {
    processes.forEach(KilnRun::close);
  }
}
