package io.kiln.spark.output;

import io.kiln.engine.config.ConfigException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSError;

/**
 * The driver's output directory as a rank must see it. Rank 0 leaves the model there, where the
 * driver looks for it: on a host whose folder of that name is another one, a whole training would
 * be lost. So the driver leaves an {@link OutputToken} there, and rank 0 looks for it before it
 * trains.
 *
 * @param path of the directory
 * @param token what its file holds
 * @param temporary whether the driver chose the directory, as nobody named one
 */
public record SharedOutput(String path, String token, boolean temporary) implements Serializable {
  private static final long serialVersionUID = 1L;

  /** A network's file system may show another machine's file a little later. */
  private static final Duration PATIENCE = Duration.ofSeconds(3);

  private static final long LOOK_MILLIS = 100;

  /**
   * Makes sure, on the machine that writes the model, that the driver is going to find it.
   *
   * @param host this machine, for the line
   * @throws ConfigException if the folder is not the driver's
   * @throws IOException if it cannot be read or written
   */
  public void require(String host, Configuration hadoop) throws IOException, InterruptedException {
    require(host, hadoop, PATIENCE);
  }

  void require(String host, Configuration hadoop, Duration patience)
      throws IOException, InterruptedException {
    OutputDirectory folder = OutputDirectory.of(path, hadoop);
    long end = System.nanoTime() + patience.toNanos();
    while (!holdsToken(folder)) {
      if (System.nanoTime() > end) {
        throw refused(folder.shown(), host);
      }
      Thread.sleep(LOOK_MILLIS);
    }
    // A folder that shows the driver's files may still take none from this machine or its user.
    try {
      folder.create(ModelFile.NAME).close();
    } catch (FSError unwritable) {
      throw new IOException(path + " cannot be written", unwritable);
    }
  }

  private boolean holdsToken(OutputDirectory folder) throws IOException {
    byte[] expected = token.getBytes(StandardCharsets.UTF_8);
    try (InputStream in = folder.open(OutputToken.NAME)) {
      return Arrays.equals(expected, in.readNBytes(expected.length + 1));
    } catch (FileNotFoundException none) {
      return false;
    }
  }

  private ConfigException refused(String shown, String host) {
    String mend = "a folder that all executors reach, such as hdfs:// or a shared mount";
    return temporary
        ? new ConfigException(
            "",
            "a trainer without outputDirectory(…) leaves the model in a folder of the driver's"
                + " machine, which rank 0 on "
                + host
                + " does not see ("
                + shown
                + "): call outputDirectory(…) with "
                + mend)
        : new ConfigException(
            "output_dir",
            shown
                + " on "
                + host
                + ", where rank 0 would leave the model, is not the driver's folder: name "
                + mend);
  }
}
