package io.kiln.spark.store;

import io.kiln.engine.checkpoint.StoredFile;
import java.io.EOFException;
import java.io.IOException;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.Path;

/** A file that is read by its ranges. */
record HadoopStoredFile(Path file, long length, FSDataInputStream in) implements StoredFile {
  @Override
  public void readFully(long position, byte[] target, int offset, int count) throws IOException {
    if (position + count > length) {
      throw new EOFException(file + " ends before byte " + (position + count));
    }
    try {
      in.readFully(position, target, offset, count);
    } catch (IOException | RuntimeException failed) {
      throw StoreException.of("read", file, failed);
    }
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
