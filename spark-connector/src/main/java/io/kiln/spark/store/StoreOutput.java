package io.kiln.spark.store;

import java.io.IOException;
import java.io.OutputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.StreamCapabilities;

/**
 * A file on its way. Closed, it is as durable as the file system makes anything. After a write that
 * failed it is abandoned instead: an object store forgets the parts that it has, elsewhere the file
 * goes, and its space with it.
 */
final class StoreOutput extends OutputStream {
  private final FileSystem files;
  private final Path file;
  private final FSDataOutputStream out;
  private boolean failed;
  private boolean closed;

  StoreOutput(FileSystem files, Path file, FSDataOutputStream out) {
    this.files = files;
    this.file = file;
    this.out = out;
  }

  @Override
  public void write(int value) throws IOException {
    try {
      out.write(value);
    } catch (IOException | RuntimeException failure) {
      throw noted(failure);
    }
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    try {
      out.write(bytes, offset, length);
    } catch (IOException | RuntimeException failure) {
      throw noted(failure);
    }
  }

  @Override
  public void flush() throws IOException {
    try {
      out.flush();
    } catch (IOException | RuntimeException failure) {
      throw noted(failure);
    }
  }

  private IOException noted(Exception failure) {
    failed = true;
    return StoreException.of("written", file, failure);
  }

  @Override
  public void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    if (failed) {
      IOException incomplete = new IOException(file + " is not whole: a write to it failed");
      abandon(incomplete);
      throw incomplete;
    }
    try {
      if (out.hasCapability(StreamCapabilities.HSYNC)) {
        out.hsync();
      }
      out.close();
    } catch (IOException | RuntimeException failure) {
      abandon(failure);
      throw StoreException.of("written", file, failure);
    }
  }

  private void abandon(Exception failure) {
    try {
      if (out.hasCapability(StreamCapabilities.ABORTABLE_STREAM)) {
        out.abort();
        return;
      }
      out.close();
    } catch (IOException | RuntimeException also) {
      note(failure, also);
    }
    remove(files, file, failure);
  }

  /** Removes what a failure left; what goes wrong with that is a footnote to the failure. */
  static void remove(FileSystem files, Path file, Exception failure) {
    try {
      files.delete(file, false);
    } catch (IOException | RuntimeException also) {
      note(failure, also);
    }
  }

  /** HDFS throws the very error of a write again when the file is closed. */
  private static void note(Exception failure, Exception also) {
    if (also != failure) {
      failure.addSuppressed(also);
    }
  }
}
