package io.kiln.spark.output;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;

/**
 * A folder for a trained model on any file system that Hadoop knows. A file is written under
 * another name and renamed when it is whole: what has its name is complete.
 */
public final class OutputDirectory {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final FileSystem files;
  private final Path folder;
  private final boolean temporary;

  private OutputDirectory(FileSystem files, Path folder, boolean temporary) {
    this.files = files;
    this.folder = folder;
    this.temporary = temporary;
  }

  /**
   * The folder, there or not.
   *
   * @param path with or without a scheme
   */
  public static OutputDirectory of(String path, Configuration hadoop) {
    Path folder = new Path(path);
    try {
      FileSystem files = folder.getFileSystem(hadoop);
      // Hadoop's local file system writes a checksum file beside every file; nobody wants those.
      FileSystem plain = files instanceof LocalFileSystem local ? local.getRawFileSystem() : files;
      return new OutputDirectory(plain, plain.makeQualified(folder), false);
    } catch (IOException | IllegalArgumentException | UnsupportedOperationException unusable) {
      throw new io.kiln.engine.config.ConfigException(
          "output_dir", path + " cannot be used: " + unusable.getMessage());
    }
  }

  /** A folder of this machine's that is removed, with all in it, when this JVM ends. */
  public static OutputDirectory temporary(Configuration hadoop) {
    String name = "kiln-model-" + UUID.randomUUID();
    OutputDirectory named =
        of(
            java.nio.file.Path.of(System.getProperty("java.io.tmpdir"), name).toUri().toString(),
            hadoop);
    return new OutputDirectory(named.files, named.folder, true);
  }

  /**
   * Asks, before the long part of a run, for what {@link #claim} will need.
   *
   * @param mayContinue whether a folder that an earlier run began is gone on with
   * @throws io.kiln.engine.config.ConfigException if the folder is there already; logs do not count
   */
  public void requireFree(boolean mayContinue) {
    try {
      if (files.exists(folder)
          && !(mayContinue && has(RunFolder.MARK))
          && !holdsOnlyLogs(mayContinue)) {
        throw RunFolder.exists(folder.toString());
      }
    } catch (IOException unreadable) {
      throw new io.kiln.engine.config.ConfigException(
          "output_dir", folder + " cannot be read: " + unreadable.getMessage());
    }
  }

  /**
   * Makes the folder.
   *
   * @throws io.kiln.engine.config.ConfigException as {@link #requireFree}
   */
  public void claim(boolean mayContinue) {
    requireFree(mayContinue);
    try {
      if (!files.mkdirs(folder)) {
        throw new IOException("refused");
      }
      if (temporary) {
        files.deleteOnExit(folder);
      }
    } catch (IOException unwritable) {
      throw new io.kiln.engine.config.ConfigException(
          "output_dir", folder + " cannot be made: " + unwritable.getMessage());
    }
  }

  /**
   * Makes the folder, which goes again, with all in it, if this JVM ends before {@link #keep}.
   *
   * @throws io.kiln.engine.config.ConfigException as {@link #requireFree}
   */
  public void claimUntilKept() {
    claim(false);
    try {
      files.deleteOnExit(folder);
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }

  /** Says that the folder is complete. */
  public void keep() {
    files.cancelDeleteOnExit(folder);
  }

  /** Removes the folder with all in it: what was claimed and could not be completed. */
  public void withdraw() throws IOException {
    files.delete(folder, true);
    files.cancelDeleteOnExit(folder);
  }

  /** Those of the run that asks, or of any where an earlier one may be gone on with. */
  private boolean holdsOnlyLogs(boolean ofAny) throws IOException {
    Optional<String> ours = RunFolder.ofThisProcess().map(run -> run.logs().toString());
    if (ours.isEmpty() && !ofAny) {
      return false;
    }
    for (FileStatus entry : files.listStatus(folder)) {
      boolean logs = ofAny && RunFolder.isLogs(entry.getPath().getName());
      if (!logs && !ours.equals(Optional.of(entry.getPath().toUri().getPath()))) {
        return false;
      }
    }
    return true;
  }

  /** Full path, with its scheme. */
  public String path() {
    return folder.toString();
  }

  /** The folder, if it is one of this machine's own files. */
  public Optional<java.nio.file.Path> local() {
    String scheme = folder.toUri().getScheme();
    return scheme == null || scheme.equals("file")
        ? Optional.of(java.nio.file.Path.of(folder.toUri().getPath()))
        : Optional.empty();
  }

  /** Path as a person writes it: without a scheme where it is a local one. */
  public String shown() {
    return local().map(java.nio.file.Path::toString).orElse(folder.toString());
  }

  /** Whether it is there. */
  public boolean exists() {
    try {
      return files.exists(folder);
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }

  /** Names of the files in it, those on their way and hidden ones left out. */
  public List<String> names() {
    try {
      List<String> names = new ArrayList<>();
      for (FileStatus entry : files.listStatus(folder)) {
        if (entry.isFile() && !entry.getPath().getName().startsWith(".")) {
          names.add(entry.getPath().getName());
        }
      }
      return names;
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }

  /** Whether a file of that name is there. */
  public boolean has(String name) {
    try {
      return files.exists(new Path(folder, name));
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }

  /** A file that has another name until it is {@link Draft#publish published}. */
  public Draft create(String name) throws IOException {
    Path unfinished = new Path(folder, "." + name + ".unfinished");
    return new Draft(files.create(unfinished, true), unfinished, new Path(folder, name));
  }

  /** A file on its way. Closed without being published, it goes. */
  public final class Draft implements AutoCloseable {
    private final OutputStream out;
    private final Path unfinished;
    private final Path named;
    private boolean published;

    private Draft(OutputStream out, Path unfinished, Path named) {
      this.out = out;
      this.unfinished = unfinished;
      this.named = named;
    }

    /** Where the content goes. */
    public OutputStream out() {
      return out;
    }

    /** Says that it is whole: it is closed and gets its name, in place of one that had it. */
    public void publish() throws IOException {
      out.close();
      files.delete(named, false);
      if (!files.rename(unfinished, named)) {
        throw new IOException(unfinished + " cannot be renamed to " + named.getName());
      }
      published = true;
    }

    @Override
    public void close() throws IOException {
      if (!published) {
        out.close();
        files.delete(unfinished, false);
      }
    }
  }

  /** A file that has its name from the start, for readers of an unfinished run. */
  OutputStream createVisible(String name) throws IOException {
    return files.create(new Path(folder, name), true);
  }

  /** Writes a small file. */
  public void write(String name, byte[] content) {
    try (Draft draft = create(name)) {
      draft.out().write(content);
      draft.publish();
    } catch (IOException unwritable) {
      throw new UncheckedIOException(unwritable);
    }
  }

  /** Writes JSON that a person can read. */
  public void write(String name, JsonNode json) {
    write(name, (json.toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8));
  }

  /** Removes a file, if it is there. */
  void delete(String name) throws IOException {
    Path file = new Path(folder, name);
    files.delete(file, false);
    files.cancelDeleteOnExit(file);
  }

  /** Has a file removed when this JVM ends, if it is still there. */
  void deleteAtEnd(String name) throws IOException {
    files.deleteOnExit(new Path(folder, name));
  }

  /** Whether it is one of this machine's that goes when this JVM ends. */
  boolean isTemporary() {
    return temporary;
  }

  /** Opens a file. */
  public InputStream open(String name) throws IOException {
    return files.open(new Path(folder, name));
  }

  /** Reads a small file. */
  public byte[] read(String name) {
    try (InputStream in = open(name)) {
      return in.readAllBytes();
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }

  /** Reads JSON. */
  public JsonNode readJson(String name) {
    try {
      return JSON.readTree(read(name));
    } catch (IOException malformed) {
      throw new UncheckedIOException(malformed);
    }
  }

  /** Copies a file of that name from here. */
  public void copyTo(String name, OutputDirectory target) {
    try (InputStream in = open(name);
        Draft draft = target.create(name)) {
      in.transferTo(draft.out());
      draft.publish();
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }
}
