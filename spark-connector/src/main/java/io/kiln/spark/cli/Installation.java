package io.kiln.spark.cli;

import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What {@code bin/kiln} has built, as it tells through system properties.
 *
 * @param root of the checkout
 * @param sparkHome folder whose {@code jars} hold Spark, Kiln and what both need
 * @param handover file for the command that the script becomes
 * @param terminal whether somebody watches standard output
 * @param natives {@code cpu} or {@code gpu}
 */
record Installation(Path root, Path sparkHome, Path handover, boolean terminal, String natives) {
  /** Libraries that Kiln uses and every Spark distribution has. */
  private static final List<String> SPARK_BRINGS =
      List.of("jackson-", "slf4j-", "gson-", "commons-", "error_prone_annotations-", "scala-");

  static Installation ofThisProcess() {
    return new Installation(
        Path.of(property("kiln.root")),
        Path.of(property("kiln.home")),
        Path.of(property("kiln.handover")),
        Boolean.getBoolean("kiln.terminal"),
        System.getProperty("kiln.natives", "cpu"));
  }

  private static String property(String name) {
    String value = System.getProperty(name);
    if (value == null) {
      throw new IllegalStateException(
          "this command is started by bin/kiln, which sets " + name + " and more");
    }
    return value;
  }

  /** Where all jars lie. */
  Path jars() {
    return sparkHome.resolve("jars");
  }

  /** The jar that a job is submitted with. */
  Path applicationJar() {
    return matching("kiln-spark-connector-*.jar").get(0);
  }

  /**
   * What a Spark that knows nothing of Kiln has to be given beside the application's jar: Kiln's
   * own jars and the libraries that Spark does not bring.
   */
  List<Path> librariesForForeignSpark() {
    Path list = root.resolve("spark-connector/target/classpath.txt");
    try {
      return Arrays.stream(Files.readString(list).strip().split(File.pathSeparator))
          .map(entry -> jars().resolve(Path.of(entry).getFileName()))
          .filter(jar -> SPARK_BRINGS.stream().noneMatch(jar.getFileName().toString()::startsWith))
          .sorted()
          .toList();
    } catch (IOException unreadable) {
      throw new IllegalStateException(list + " cannot be read: " + unreadable, unreadable);
    }
  }

  private List<Path> matching(String pattern) {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(jars(), pattern)) {
      files.forEach(found::add);
    } catch (IOException unreadable) {
      throw new IllegalStateException(jars() + " cannot be read: " + unreadable, unreadable);
    }
    found.sort(null);
    return found;
  }
}
