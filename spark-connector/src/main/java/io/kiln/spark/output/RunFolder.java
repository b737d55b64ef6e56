package io.kiln.spark.output;

import io.kiln.engine.config.ConfigException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Where a run that {@code bin/kiln} starts keeps what is not its result: logs, and the home that
 * its executors are started from. Inside the output directory where that is a local one.
 *
 * @param logs folder of the logs
 */
public record RunFolder(Path logs) {
  /** Set in the driver's JVM by {@code bin/kiln}. */
  public static final String PROPERTY = "kiln.run.logs";

  /** A file that every run writes into its output directory before it trains. */
  public static final String MARK = "kiln_columns.json";

  private static final String LOGS = "logs";
  private static final String HOME = "spark";
  private static final String OWNER = "owner";
  private static final String TEMPORARY = "kiln-logs-";
  private static final String TEMPORARY_FILES = "kiln-";

  /**
   * Makes the folders of a run.
   *
   * @param outputDir of the job; it is made here if it is local, so that no other run can take it
   * @param sparkHome whose {@code jars} the run uses
   * @param mayContinue whether a directory that an earlier run began is gone on with
   * @throws ConfigException if the output directory exists otherwise
   */
  public static RunFolder create(String outputDir, Path sparkHome, boolean mayContinue) {
    try {
      Optional<Path> local = local(outputDir);
      Path logs;
      if (local.isPresent()) {
        Path output = local.get().toAbsolutePath().normalize();
        if (output.getParent() != null) {
          Files.createDirectories(output.getParent());
        }
        try {
          Files.createDirectory(output);
        } catch (FileAlreadyExistsException taken) {
          requireContinuable(outputDir, output, mayContinue);
          clearKilled(output);
        }
        logs = createLogs(output);
      } else {
        logs = Files.createTempDirectory(TEMPORARY);
      }
      RunFolder folder = new RunFolder(logs);
      Files.createDirectory(folder.sparkHome());
      Files.createSymbolicLink(folder.sparkHome().resolve("jars"), sparkHome.resolve("jars"));
      // A link: what is mapped into memory has to lie where temporary files lie.
      Files.createSymbolicLink(folder.temporary(), Files.createTempDirectory(TEMPORARY_FILES));
      folder.own();
      return folder;
    } catch (IOException unwritable) {
      throw new ConfigException("output_dir", outputDir + " cannot be made: " + unwritable);
    }
  }

  /** {@code bin/kiln}, which has started this process, becomes the driver. */
  private void own() throws IOException {
    Optional<ProcessHandle> driver = ProcessHandle.current().parent();
    if (driver.isPresent()) {
      RunOwner.of(driver.get()).write(owner());
    }
  }

  private Path owner() {
    return sparkHome().resolve(OWNER);
  }

  /** Earlier runs that were killed could not tidy up; one that still runs is left alone. */
  private static void clearKilled(Path output) throws IOException {
    try (Stream<Path> entries = Files.list(output)) {
      entries
          .filter(entry -> isLogs(entry.getFileName().toString()))
          .map(RunFolder::new)
          .filter(earlier -> Files.isSymbolicLink(earlier.temporary()))
          .filter(earlier -> RunOwner.isDead(earlier.owner()))
          .forEach(RunFolder::clear);
    }
  }

  private void clear() {
    removeTemporary();
    try {
      delete(sparkHome());
    } catch (UncheckedIOException stays) {
      // Its executors may be about to end; it is in nobody's way.
    }
  }

  /** Logs of earlier runs in the same directory stay. */
  private static Path createLogs(Path output) throws IOException {
    for (int run = 1; ; run++) {
      try {
        return Files.createDirectory(output.resolve(run == 1 ? LOGS : LOGS + "-" + run));
      } catch (FileAlreadyExistsException earlier) {
        // The next number, then.
      }
    }
  }

  /**
   * @param output that exists
   * @throws ConfigException if it is not to be gone on with, or not a run's
   */
  public static void requireContinuable(String outputDir, Path output, boolean mayContinue) {
    if (mayContinue && Files.exists(output.resolve(MARK))) {
      return;
    }
    try (Stream<Path> entries = Files.list(output)) {
      if (!mayContinue || !entries.allMatch(entry -> isLogs(entry.getFileName().toString()))) {
        throw exists(outputDir);
      }
    } catch (IOException unreadable) {
      throw new ConfigException("output_dir", outputDir + " cannot be read: " + unreadable);
    }
  }

  /** Whether a folder of this name holds a run's logs. */
  static boolean isLogs(String name) {
    return name.matches(LOGS + "(-\\d+)?");
  }

  /** The folder that {@code bin/kiln} made for the run of this JVM. */
  public static Optional<RunFolder> ofThisProcess() {
    return Optional.ofNullable(System.getProperty(PROPERTY)).map(Path::of).map(RunFolder::new);
  }

  /** The error of an output directory that is there already. */
  public static ConfigException exists(String outputDir) {
    return new ConfigException("output_dir", outputDir + " exists: name another or remove it");
  }

  /** The path, if it is one of this machine's own files. */
  public static Optional<Path> local(String outputDir) {
    if (outputDir.startsWith("file:")) {
      return Optional.of(Path.of(URI.create(outputDir).getPath()));
    }
    boolean otherDefault = System.getenv("HADOOP_CONF_DIR") != null;
    return outputDir.matches("[A-Za-z][A-Za-z0-9+.-]*:.*") || otherDefault
        ? Optional.empty()
        : Optional.of(Path.of(outputDir));
  }

  /** Home of Spark for this run: executors keep their working folders in it. */
  public Path sparkHome() {
    return logs.resolve(HOME);
  }

  /**
   * Temporary files on this machine, Spark's own too: an executor that is killed leaves the native
   * libraries there that it has unpacked, a driver that is killed all it has shuffled.
   */
  public Path temporary() {
    return sparkHome().resolve("tmp");
  }

  /** Removes the temporary files, however the run ended. */
  public void removeTemporary() {
    try {
      delete(temporary().toRealPath());
      Files.deleteIfExists(temporary());
    } catch (IOException | UncheckedIOException gone) {
      // Nothing to remove, or somebody who is about to end still writes.
    }
  }

  /** Removes what nobody reads after a run that ended well. */
  public void tidy() {
    removeTemporary();
    delete(logs.getFileName().toString().startsWith(TEMPORARY) ? logs : sparkHome());
  }

  /** Removes the output directory as far as this made it: a run that never began leaves none. */
  public void withdraw() {
    removeTemporary();
    delete(logs);
    Path output = logs.getParent();
    try (Stream<Path> left = Files.list(output)) {
      if (left.findAny().isEmpty()) {
        Files.delete(output);
      }
    } catch (IOException stays) {
      // Somebody else's business then.
    }
  }

  private static void delete(Path folder) {
    try {
      Files.walkFileTree(
          folder,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws IOException {
              Files.deleteIfExists(file);
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path done, IOException error)
                throws IOException {
              Files.delete(done);
              return FileVisitResult.CONTINUE;
            }
          });
    } catch (java.nio.file.NoSuchFileException gone) {
      // Nothing to remove.
    } catch (IOException unwritable) {
      throw new UncheckedIOException(unwritable);
    }
  }
}
