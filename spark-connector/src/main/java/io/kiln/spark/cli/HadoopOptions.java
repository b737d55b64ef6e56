package io.kiln.spark.cli;

import io.kiln.engine.config.ConfigException;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.hadoop.conf.Configuration;
import picocli.CommandLine.Option;

/**
 * Hadoop's configuration as a job would have it, without Spark: HADOOP_CONF_DIR, then what
 * spark-defaults.conf in SPARK_CONF_DIR says of Hadoop, then {@code --conf}. (S3A itself reads
 * AWS_ACCESS_KEY_ID and its companions.)
 */
public final class HadoopOptions {
  private static final String PREFIX = "spark.hadoop.";

  @Option(
      names = "--conf",
      paramLabel = "spark.hadoop.NAME=VALUE",
      description = {
        "A setting of the file system, as a job has it in spark.conf; may be repeated. Without,"
            + " HADOOP_CONF_DIR, SPARK_CONF_DIR and AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY count."
      })
  private List<String> settings = new ArrayList<>();

  /** What was set, as it was written. */
  public List<String> settings() {
    return List.copyOf(settings);
  }

  Configuration configuration(Map<String, String> environment) {
    return configuration(settings, environment);
  }

  /**
   * What the options make of a file system's settings.
   *
   * @param settings {@code spark.hadoop.NAME=VALUE} each
   * @throws ConfigException if one has another form, or a file cannot be read
   */
  public static Configuration configuration(
      List<String> settings, Map<String, String> environment) {
    Configuration hadoop = new Configuration();
    String hadoopFiles = environment.get("HADOOP_CONF_DIR");
    if (hadoopFiles != null) {
      for (String name : List.of("core-site.xml", "hdfs-site.xml")) {
        Path file = Path.of(hadoopFiles, name);
        if (Files.exists(file)) {
          hadoop.addResource(new org.apache.hadoop.fs.Path(file.toAbsolutePath().toString()));
        }
      }
    }
    String sparkFiles = environment.get("SPARK_CONF_DIR");
    if (sparkFiles != null) {
      addDefaults(Path.of(sparkFiles, "spark-defaults.conf"), hadoop);
    }
    for (String setting : settings) {
      add(setting, hadoop);
    }
    return hadoop;
  }

  private static void addDefaults(Path file, Configuration hadoop) {
    if (!Files.exists(file)) {
      return;
    }
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(file)) {
      properties.load(reader);
    } catch (IOException | IllegalArgumentException unreadable) {
      throw new ConfigException(file.toString(), "cannot be read: " + unreadable.getMessage());
    }
    for (String name : properties.stringPropertyNames()) {
      if (name.startsWith(PREFIX)) {
        hadoop.set(name.substring(PREFIX.length()), properties.getProperty(name).strip());
      }
    }
  }

  private static void add(String setting, Configuration hadoop) {
    int equals = setting.indexOf('=');
    if (equals < 0 || !setting.startsWith(PREFIX) || equals == PREFIX.length()) {
      throw new ConfigException(
          "--conf " + (equals < 0 ? setting : setting.substring(0, equals)),
          "must have the form "
              + PREFIX
              + "name=value, as "
              + PREFIX
              + "fs.s3a.endpoint=http://127.0.0.1:9000");
    }
    hadoop.set(setting.substring(PREFIX.length(), equals), setting.substring(equals + 1));
  }
}
