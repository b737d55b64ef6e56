package io.kiln.spark.store;

import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.engine.checkpoint.LocalCheckpointStore;
import io.kiln.engine.checkpoint.StoredFile;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.CommonPathCapabilities;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Options;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.hadoop.util.functional.FutureIO;

/**
 * A folder on any file system that Hadoop knows: {@code hdfs://}, {@code s3a://}, and whatever else
 * is configured. Every error is an {@link IOException} of one line that says what, where and the
 * mend, and comes in bounded time ({@link StoreDefaults}).
 *
 * <p>A file system that can truncate a file keeps files in folders (HDFS and what speaks its
 * protocol, mounts of it): there a draft is a hidden folder and is published {@linkplain ByRename
 * by rename}. Any other is taken for an object store, where folders are only parts of names:
 * checkpoints are written {@linkplain InPlace in place}, which is right on every file system,
 * because a checkpoint begins with its manifest.
 *
 * <p>Has connections of its own, so that a shared file system closed by somebody else, or made with
 * other time limits, does no harm: close it.
 */
public final class HadoopCheckpointStore implements CheckpointStore {
  private final FileSystem files;
  private final Path folder;
  private final Publication publication;

  private HadoopCheckpointStore(FileSystem files, Path folder) throws IOException {
    this.files = files;
    this.folder = folder;
    this.publication =
        files.hasPathCapability(folder, CommonPathCapabilities.FS_TRUNCATE)
            ? new ByRename(new RenamingFiles(files), folder)
            : new InPlace(files, folder);
  }

  /**
   * The store of a path; nothing is asked of it yet.
   *
   * @param path with or without a scheme; without, one of Hadoop's default file system
   * @param hadoop what it says of time limits and retries holds; what it does not say is set
   * @throws IOException if there is no such kind of file system, or no such host
   */
  public static CheckpointStore of(String path, Configuration hadoop) throws IOException {
    Configuration bounded = StoreDefaults.added(hadoop);
    FileSystem files = null;
    try {
      Path folder = new Path(path);
      files = FileSystem.newInstance(folder.toUri(), bounded);
      Path qualified = files.makeQualified(folder);
      if (files instanceof LocalFileSystem local && local.getRaw() instanceof RawLocalFileSystem) {
        // Without Hadoop: it knows when a file has reached the disk, and leaves no checksum files.
        files.close();
        return new LocalCheckpointStore(java.nio.file.Path.of(qualified.toUri().getPath()));
      }
      return new HadoopCheckpointStore(files, qualified);
    } catch (IOException | RuntimeException unusable) {
      IOException line = StoreException.of("used", path, unusable);
      if (files != null) {
        try {
          files.close();
        } catch (IOException also) {
          line.addSuppressed(also);
        }
      }
      throw line;
    }
  }

  @Override
  public String location() {
    return folder.toString();
  }

  private Path path(String relative) {
    return relative.isEmpty() ? folder : new Path(folder, relative);
  }

  @Override
  public OutputStream create(String path) throws IOException {
    return publication.create(path(path));
  }

  @Override
  public StoredFile open(String path) throws IOException {
    Path file = path(path);
    try {
      FileStatus status = files.getFileStatus(file);
      return new HadoopStoredFile(
          file,
          status.getLen(),
          FutureIO.awaitFuture(
              files
                  .openFile(file)
                  .withFileStatus(status)
                  // Each read is one of just these bytes.
                  .opt(
                      Options.OpenFileOptions.FS_OPTION_OPENFILE_READ_POLICY,
                      Options.OpenFileOptions.FS_OPTION_OPENFILE_READ_POLICY_RANDOM)
                  .build()));
    } catch (FileNotFoundException none) {
      NoSuchFileException absent = new NoSuchFileException(file.toString());
      absent.initCause(none);
      throw absent;
    } catch (IOException | RuntimeException failed) {
      throw StoreException.of("opened", file, failed);
    }
  }

  @Override
  public List<String> list(String path) throws IOException {
    Path listed = path(path);
    List<String> names = new ArrayList<>();
    try {
      RemoteIterator<FileStatus> entries = files.listStatusIterator(listed);
      while (entries.hasNext()) {
        names.add(entries.next().getPath().getName());
      }
    } catch (FileNotFoundException none) {
      return List.of();
    } catch (IOException | RuntimeException failed) {
      throw StoreException.of("listed", listed, failed);
    }
    names.sort(null);
    return List.copyOf(names);
  }

  @Override
  public String draft(String name, String attempt) {
    return publication.draft(name, attempt);
  }

  @Override
  public void publish(String draft, String name) throws IOException {
    publication.publish(draft, name);
  }

  @Override
  public void replace(String name, byte[] content) throws IOException {
    publication.replace(name, content);
  }

  @Override
  public void delete(String path) throws IOException {
    Path deleted = path(path);
    try {
      files.delete(deleted, true);
    } catch (FileNotFoundException gone) {
      // As wanted.
    } catch (IOException | RuntimeException failed) {
      throw StoreException.of("deleted", deleted, failed);
    }
  }

  @Override
  public void close() throws IOException {
    files.close();
  }
}
