package io.kiln.it.bench;

import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.engine.checkpoint.LocalCheckpointStore;
import io.kiln.engine.checkpoint.StoredFile;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.util.SplittableRandom;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * What a checkpoint's rates are held against: as many bytes out of memory into a file of the same
 * store and back, and nothing else done to them.
 */
final class PlainCopy implements AutoCloseable {
  /** Beyond any cache, so that its bytes come from memory as a checkpoint's do. */
  private static final int MEMORY_BYTES = 64 << 20;

  private static final int PIECE_BYTES = 1 << 20;

  private final CheckpointStore store;
  private final FileSystem files;
  private final String name;
  private final long bytes;
  private final byte[] memory;

  /**
   * @param name of the file, in the store's folder
   * @param bytes that are copied
   */
  PlainCopy(CheckpointStore store, Configuration hadoop, String name, long bytes)
      throws IOException {
    this.store = store;
    this.name = name;
    this.bytes = bytes;
    this.memory = new byte[(int) Math.min(MEMORY_BYTES, bytes)];
    this.files =
        store instanceof LocalCheckpointStore
            ? null
            : FileSystem.newInstance(new Path(store.location()).toUri(), hadoop);
    SplittableRandom random = new SplittableRandom(1);
    random.nextBytes(memory);
  }

  /** Through the store: on the disks, where it says so, when this returns. */
  void writeSynced() throws IOException {
    try (OutputStream out = store.create(name)) {
      write(out);
    }
  }

  /** Into the file system; when it reaches the disks is its own affair. */
  void write() throws IOException {
    if (store instanceof LocalCheckpointStore local) {
      Files.createDirectories(local.folder());
      try (OutputStream out = Files.newOutputStream(local.folder().resolve(name))) {
        write(out);
      }
    } else {
      try (OutputStream out = files.create(new Path(store.location(), name), true)) {
        write(out);
      }
    }
  }

  private void write(OutputStream out) throws IOException {
    for (long at = 0; at < bytes; ) {
      int from = (int) (at % memory.length);
      int count = (int) Math.min(Math.min(PIECE_BYTES, memory.length - from), bytes - at);
      out.write(memory, from, count);
      at += count;
    }
  }

  /** Back into memory, in requests as large as that is. */
  void read() throws IOException {
    try (StoredFile file = store.open(name)) {
      for (long at = 0; at < bytes; at += memory.length) {
        file.readFully(at, memory, 0, (int) Math.min(memory.length, bytes - at));
      }
    }
  }

  @Override
  public void close() throws IOException {
    store.delete(name);
    if (files != null) {
      files.close();
    }
  }
}
