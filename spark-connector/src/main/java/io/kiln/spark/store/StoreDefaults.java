package io.kiln.spark.store;

import java.util.Map;
import org.apache.hadoop.conf.Configuration;

/**
 * What a store is set to where nobody has set it. Hadoop's own limits let a machine that went away
 * hold a writer for an hour; with these the longest wait for an S3 server or a namenode that does
 * not answer is a few minutes, while one that restarts within half a minute is waited for.
 */
final class StoreDefaults {
  private static final Map<String, String> SETTINGS =
      Map.ofEntries(
          // The SDK tries twice (one retry); S3A waits 1, 2, 4, 8, 16 s (each more or less half)
          // and tries
          // again.
          Map.entry("fs.s3a.attempts.maximum", "1"),
          Map.entry("fs.s3a.retry.limit", "5"),
          Map.entry("fs.s3a.retry.interval", "500ms"),
          Map.entry("fs.s3a.retry.throttle.limit", "8"),
          // 15 s is the least that S3A takes.
          Map.entry("fs.s3a.connection.establish.timeout", "15s"),
          Map.entry("fs.s3a.connection.timeout", "30s"),
          Map.entry("fs.s3a.connection.request.timeout", "30s"),
          // Of one part (64 MiB): slower than 0.2 MiB/s is not there.
          Map.entry("fs.s3a.connection.part.upload.timeout", "5m"),
          // Reads are of ranges known beforehand: one request each, nothing fetched ahead.
          Map.entry("fs.s3a.input.stream.type", "classic"),
          // With a folder go the parts of uploads that a killed writer left in it.
          Map.entry("fs.s3a.directory.operations.purge.uploads", "true"),
          // 45 times 20 s, if left to itself.
          Map.entry("ipc.client.connect.max.retries.on.timeouts", "3"));

  private StoreDefaults() {}

  /** A copy with what it lacks. */
  static Configuration added(Configuration given) {
    Configuration complete = new Configuration(given);
    SETTINGS.forEach(
        (name, value) -> {
          if (!isSet(given, name)) {
            complete.set(name, value, "Kiln's default");
          }
        });
    return complete;
  }

  /** Whether somebody set it, not one of the files of defaults inside Hadoop's jars. */
  private static boolean isSet(Configuration configuration, String name) {
    String[] sources = configuration.getPropertySources(name);
    return sources != null
        && sources.length > 0
        && !sources[sources.length - 1].endsWith("-default.xml");
  }
}
