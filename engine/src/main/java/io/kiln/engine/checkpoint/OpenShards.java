package io.kiln.engine.checkpoint;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Shards of a checkpoint, each opened when it is first asked for and kept open until all are
 * closed: its header is read once, however often it is read from. Used by one thread at a time.
 */
public final class OpenShards implements AutoCloseable {
  private final CheckpointStore store;
  private final String folder;
  private final RecentChunks chunks = new RecentChunks();
  private final Map<String, ShardReader> readers = new LinkedHashMap<>();

  /**
   * Opens nothing yet.
   *
   * @param folder of the store, the checkpoint's
   */
  public OpenShards(CheckpointStore store, String folder) {
    this.store = store;
    this.folder = folder;
  }

  /**
   * A shard's reader, which is closed with this.
   *
   * @throws CheckpointException if the file is missing, of another length, or damaged
   */
  public ShardReader reader(StoredShard shard) throws IOException {
    ShardReader reader = readers.get(shard.file());
    if (reader == null) {
      reader = ShardReader.open(store, folder, shard, chunks);
      readers.put(shard.file(), reader);
    }
    return reader;
  }

  @Override
  public void close() throws IOException {
    IOException failure = null;
    for (ShardReader reader : readers.values()) {
      try {
        reader.close();
      } catch (IOException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    readers.clear();
    if (failure != null) {
      throw failure;
    }
  }
}
