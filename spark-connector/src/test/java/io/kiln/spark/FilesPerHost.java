package io.kiln.spark;

import java.io.File;
import java.net.URI;
import java.nio.file.Path;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.spark.TaskContext;

/**
 * Files of the machine's own, as on a cluster of several hosts: a task finds others than the driver
 * under the same path.
 */
public final class FilesPerHost extends RawLocalFileSystem {
  private static final String SCHEME = "perhost";
  private static final String FOLDER = "test.perhost.folder";

  /** Makes it known, its hosts' files in a folder. */
  static void register(Configuration hadoop, Path folder) {
    hadoop.set("fs." + SCHEME + ".impl", FilesPerHost.class.getName());
    hadoop.setBoolean("fs." + SCHEME + ".impl.disable.cache", true);
    hadoop.set(FOLDER, folder.toString());
  }

  /** What the driver sees under a name. */
  static Path ofDriver(Path folder, String name) {
    return folder.resolve("driver").resolve(name);
  }

  @Override
  public URI getUri() {
    return URI.create(SCHEME + ":///");
  }

  @Override
  public String getScheme() {
    return SCHEME;
  }

  @Override
  public File pathToFile(org.apache.hadoop.fs.Path path) {
    String host = TaskContext.get() == null ? "driver" : "executor";
    return new File(new File(getConf().get(FOLDER), host), path.toUri().getPath());
  }
}
