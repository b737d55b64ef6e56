package io.kiln.it;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;

/** An S3 server (S3Proxy) in a process of its own, which keeps its objects in a folder. */
final class S3Server implements AutoCloseable {
  static final String BUCKET = "kiln";
  private static final String ACCESS_KEY = "the-access-key";
  private static final String SECRET_KEY = "the-secret-key";
  private static final Duration LONGEST_START = Duration.ofSeconds(30);

  private final Path folder;
  private final int port;
  private Process process;

  private S3Server(Path folder, int port) {
    this.folder = folder;
    this.port = port;
  }

  /**
   * Starts one with an empty bucket.
   *
   * @param folder for its objects
   */
  static S3Server start(Path folder) throws IOException, InterruptedException {
    Files.createDirectories(folder.resolve("objects").resolve(BUCKET));
    S3Server server = new S3Server(folder, freePort());
    server.restart();
    return server;
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  /** {@code http://host:port}. */
  String endpoint() {
    return "http://127.0.0.1:" + port;
  }

  /** Its bucket: {@code s3a://name}. */
  String uri() {
    return "s3a://" + BUCKET;
  }

  /** Where it keeps the bucket's objects. */
  Path objects() {
    return folder.resolve("objects").resolve(BUCKET);
  }

  /** What a client of Hadoop has to be told. */
  Map<String, String> settings() {
    Map<String, String> settings = new TreeMap<>();
    settings.put("fs.s3a.endpoint", endpoint());
    settings.put("fs.s3a.endpoint.region", "us-east-1");
    settings.put("fs.s3a.path.style.access", "true");
    settings.put("fs.s3a.connection.ssl.enabled", "false");
    settings.put("fs.s3a.access.key", ACCESS_KEY);
    settings.put("fs.s3a.secret.key", SECRET_KEY);
    // The least that S3 allows: a file of a test has several parts.
    settings.put("fs.s3a.multipart.size", "5M");
    settings.put("fs.s3a.multipart.threshold", "5M");
    settings.put("fs.s3a.buffer.dir", folder.resolve("buffers").toString());
    return settings;
  }

  Configuration configuration() {
    Configuration configuration = new Configuration();
    settings().forEach(configuration::set);
    return configuration;
  }

  /** Ends it at once, with whatever it is doing. */
  void stop() {
    close();
  }

  /** Starts it again with its objects, at its old address, and waits until it answers. */
  void restart() throws IOException, InterruptedException {
    Path properties = folder.resolve("s3proxy.properties");
    Files.write(
        properties,
        List.of(
            "s3proxy.endpoint=" + endpoint(),
            "s3proxy.authorization=aws-v2-or-v4",
            "s3proxy.identity=" + ACCESS_KEY,
            "s3proxy.credential=" + SECRET_KEY,
            "jclouds.provider=filesystem-nio2",
            "jclouds.filesystem.basedir=" + folder.resolve("objects")));
    Path log = folder.resolve("s3proxy.log");
    ProcessBuilder command =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:TieredStopAtLevel=1",
                "-jar",
                System.getProperty("kiln.s3proxy"),
                "--properties",
                properties.toString())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    command.environment().put("LOG_LEVEL", "warn");
    process = command.start();
    long end = System.nanoTime() + LONGEST_START.toNanos();
    while (!answers()) {
      if (!process.isAlive() || System.nanoTime() > end) {
        process.destroyForcibly();
        throw new IOException("S3Proxy did not start: " + Files.readString(log));
      }
      Thread.sleep(50);
    }
  }

  private boolean answers() {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress("127.0.0.1", port), 1000);
      return true;
    } catch (IOException notYet) {
      return false;
    }
  }

  @Override
  public void close() {
    process.destroyForcibly().onExit().orTimeout(10, TimeUnit.SECONDS).join();
  }
}
