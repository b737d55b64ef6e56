package io.kiln.spark.store;

import io.kiln.engine.checkpoint.CheckpointStore;
import java.io.IOException;
import java.io.OutputStream;
import java.util.EnumSet;
import java.util.UUID;
import org.apache.hadoop.fs.CreateFlag;
import org.apache.hadoop.fs.Options.Rename;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;

/**
 * On a file system that renames a folder at once: what is on its way has a hidden name beside the
 * final one.
 */
record ByRename(RenamingFiles files, Path folder) implements Publication {
  private static final int BUFFER = 64 * 1024;

  @Override
  public OutputStream create(Path file) throws IOException {
    try {
      return new StoreOutput(
          files,
          file,
          files.create(
              file,
              FsPermission.getFileDefault(),
              // A block that is complete is on the disks; the last one by hsync at the end.
              EnumSet.of(CreateFlag.CREATE, CreateFlag.OVERWRITE, CreateFlag.SYNC_BLOCK),
              BUFFER,
              files.getDefaultReplication(file),
              files.getDefaultBlockSize(file),
              null));
    } catch (IOException | RuntimeException failed) {
      throw StoreException.of("written", file, failed);
    }
  }

  @Override
  public String draft(String name, String attempt) {
    return "." + name + "." + attempt;
  }

  /**
   * {@inheritDoc}
   *
   * <p>Hadoop's plain rename would move a draft into a folder that has its name already; this one
   * fails there.
   */
  @Override
  public void publish(String draft, String name) throws IOException {
    Path target = new Path(folder, name);
    Path old = new Path(folder, draft(name, CheckpointStore.REPLACED + UUID.randomUUID()));
    try {
      boolean replaces = files.exists(target);
      if (replaces) {
        files.rename(target, old, Rename.NONE);
      }
      try {
        files.rename(new Path(folder, draft), target, Rename.NONE);
      } catch (IOException | RuntimeException failed) {
        if (replaces) {
          putBack(old, target, failed);
        }
        throw failed;
      }
      if (replaces) {
        files.delete(old, true);
      }
    } catch (IOException | RuntimeException failed) {
      throw StoreException.of("published", target, failed);
    }
  }

  private void putBack(Path old, Path target, Exception failure) {
    try {
      files.rename(old, target, Rename.NONE);
    } catch (IOException | RuntimeException also) {
      failure.addSuppressed(also);
    }
  }

  @Override
  public void replace(String name, byte[] content) throws IOException {
    Path draft = new Path(folder, draft(name, UUID.randomUUID().toString()));
    try (OutputStream out = create(draft)) {
      out.write(content);
    }
    Path target = new Path(folder, name);
    try {
      files.rename(draft, target, Rename.OVERWRITE);
    } catch (IOException | RuntimeException failed) {
      StoreOutput.remove(files, draft, failed);
      throw StoreException.of("written", target, failed);
    }
  }
}
