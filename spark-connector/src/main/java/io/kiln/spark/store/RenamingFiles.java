package io.kiln.spark.store;

import java.io.IOException;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FilterFileSystem;
import org.apache.hadoop.fs.Options.Rename;
import org.apache.hadoop.fs.Path;

/**
 * A file system whose rename says what it does where the target exists, and throws where it fails:
 * Hadoop has it on every file system and shows it on few.
 */
final class RenamingFiles extends FilterFileSystem {
  RenamingFiles(FileSystem files) {
    super(files);
  }

  @Override
  public void rename(Path from, Path to, Rename... options) throws IOException {
    super.rename(from, to, options);
  }
}
