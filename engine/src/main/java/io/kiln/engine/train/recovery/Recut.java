package io.kiln.engine.train.recovery;

import io.kiln.engine.checkpoint.CheckpointException;
import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointManifest;
import io.kiln.engine.checkpoint.OpenShards;
import io.kiln.engine.checkpoint.Piece;
import io.kiln.engine.checkpoint.ShardReader;
import io.kiln.engine.checkpoint.StoredShard;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/**
 * Reads pieces out of the shards of a checkpoint, however those were cut: of each file only the
 * ranges that are wanted, and no file more than needed. A file that was opened stays open for the
 * next read. Used by one thread at a time.
 */
public final class Recut implements AutoCloseable {
  private final CheckpointFolder folder;
  private final CheckpointManifest manifest;
  private final OpenShards shards;

  /**
   * Opens nothing yet.
   *
   * @param folder with the checkpoint
   * @param manifest of it
   */
  public Recut(CheckpointFolder folder, CheckpointManifest manifest) {
    this.folder = folder;
    this.manifest = manifest;
    this.shards = new OpenShards(folder.store(), CheckpointFolder.name(manifest.step()));
  }

  /** Elements that are still to come: {@code target} is one of a piece's values. */
  private record Missing(String kind, Piece piece, long begin, long end) {}

  /**
   * Fills the values of {@code wanted}.
   *
   * @param firstShard the file to look into first: the one that most likely has it all
   * @throws CheckpointException if a file is damaged, or elements are in none
   */
  public void read(List<Piece> wanted, int firstShard) throws IOException {
    List<Missing> missing = new ArrayList<>();
    for (Piece piece : wanted) {
      for (String kind : piece.values().keySet()) {
        missing.add(new Missing(kind, piece, piece.begin(), piece.begin() + piece.elements()));
      }
    }
    int count = manifest.shards().size();
    for (int i = 0; i < count && !missing.isEmpty(); i++) {
      StoredShard shard = manifest.shards().get((firstShard + i) % count);
      missing = readFrom(shards.reader(shard), missing);
    }
    if (!missing.isEmpty()) {
      Missing first = missing.get(0);
      throw new CheckpointException(
          folder.where(manifest.step()),
          "holds no "
              + first.kind()
              + " of "
              + first.piece().parameter()
              + " from element "
              + first.begin());
    }
  }

  private static List<Missing> readFrom(ShardReader reader, List<Missing> missing)
      throws IOException {
    List<Missing> rest = new ArrayList<>();
    try (PointerScope scope = new PointerScope()) {
      List<ShardReader.Wanted> found = new ArrayList<>();
      for (Missing part : missing) {
        Optional<ShardReader.Run> run =
            reader.run(part.kind(), part.piece().parameter()).filter(there -> overlap(there, part));
        if (run.isEmpty()) {
          rest.add(part);
          continue;
        }
        long begin = Math.max(run.get().begin(), part.begin());
        long end = Math.min(run.get().begin() + run.get().elements(), part.end());
        Tensor value = part.piece().values().get(part.kind());
        found.add(
            new ShardReader.Wanted(
                run.get(), begin, value.narrow(0, begin - part.piece().begin(), end - begin)));
        if (part.begin() < begin) {
          rest.add(new Missing(part.kind(), part.piece(), part.begin(), begin));
        }
        if (end < part.end()) {
          rest.add(new Missing(part.kind(), part.piece(), end, part.end()));
        }
      }
      reader.read(found);
    }
    return rest;
  }

  @Override
  public void close() throws IOException {
    shards.close();
  }

  private static boolean overlap(ShardReader.Run run, Missing part) {
    return Math.max(run.begin(), part.begin()) < Math.min(run.begin() + run.elements(), part.end());
  }
}
