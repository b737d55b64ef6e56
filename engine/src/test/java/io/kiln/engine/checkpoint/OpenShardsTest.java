package io.kiln.engine.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.engine.tensor.PointerBalance;
import io.kiln.engine.train.recovery.Recut;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Parameters that lie in many shards, read one after the other. */
class OpenShardsTest {
  private static final int SHARDS = 20;
  private static final int PARAMETERS = 5;

  /** Of a parameter in a shard; the shards of one parameter follow each other. */
  private static final int ELEMENTS = 3;

  @TempDir Path folder;
  private CheckpointManifest manifest;

  /** The element {@code i} of the parameter {@code p} is {@code 1000 p + i}. */
  private static float value(int parameter, long element) {
    return 1000 * parameter + element;
  }

  @BeforeEach
  void write() throws IOException {
    LocalCheckpointStore store = new LocalCheckpointStore(folder);
    List<StoredShard> shards = new ArrayList<>();
    for (int rank = 0; rank < SHARDS; rank++) {
      try (PointerScope scope = new PointerScope()) {
        List<Piece> pieces = new ArrayList<>();
        for (int p = 0; p < PARAMETERS; p++) {
          float[] values = new float[ELEMENTS];
          for (int i = 0; i < ELEMENTS; i++) {
            values[i] = value(p, rank * ELEMENTS + i);
          }
          pieces.add(
              new Piece(
                  "p" + p, rank * ELEMENTS, ELEMENTS, Map.of("master", Tensor.create(values))));
        }
        shards.add(
            ShardWriter.write(store, CheckpointFolder.name(7), "rank_" + rank + ".x", pieces));
      }
    }
    manifest = new CheckpointManifest(7, new ObjectMapper().createObjectNode(), shards);
  }

  @Test
  void every_file_is_opened_once_and_closed_once() throws IOException {
    Counting store = new Counting(new LocalCheckpointStore(folder));
    try (Recut shards = new Recut(new CheckpointFolder(store), manifest)) {
      for (int p = 0; p < PARAMETERS; p++) {
        float[] expected = new float[SHARDS * ELEMENTS];
        for (int i = 0; i < expected.length; i++) {
          expected[i] = value(p, i);
        }
        assertArrayEquals(expected, read(shards, "p" + p, 0, expected.length));
      }
      assertArrayEquals(
          new float[] {value(1, 50), value(1, 51)}, read(shards, "p1", 50, 2), "a part");
    }
    assertEquals(SHARDS, store.opened.size());
    store.opened.forEach((path, times) -> assertEquals(1, times, path));
    assertEquals(SHARDS, store.closed);
  }

  @Test
  void nothing_native_is_left() {
    PointerBalance.assertKept(
        () -> {
          try (Recut shards =
              new Recut(new CheckpointFolder(new LocalCheckpointStore(folder)), manifest)) {
            read(shards, "p3", 0, SHARDS * ELEMENTS);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  private static float[] read(Recut shards, String parameter, long begin, int elements)
      throws IOException {
    try (PointerScope scope = new PointerScope()) {
      Tensor target = torch.empty(new long[] {elements}, new TensorOptions(ScalarType.Float), null);
      shards.read(List.of(new Piece(parameter, begin, elements, Map.of("master", target))), 0);
      float[] values = new float[elements];
      new FloatPointer(target.data_ptr()).get(values);
      return values;
    }
  }

  /** Counts what is opened. */
  private static final class Counting extends StoreStub {
    private final CheckpointStore store;
    private final Map<String, Integer> opened = new HashMap<>();
    private int closed;

    Counting(CheckpointStore store) {
      this.store = store;
    }

    @Override
    public StoredFile open(String path) throws IOException {
      opened.merge(path, 1, Integer::sum);
      StoredFile file = store.open(path);
      return new StoredFile() {
        @Override
        public long length() {
          return file.length();
        }

        @Override
        public void readFully(long position, byte[] target, int offset, int length)
            throws IOException {
          file.readFully(position, target, offset, length);
        }

        @Override
        public void close() throws IOException {
          closed++;
          file.close();
        }
      };
    }

    @Override
    public String location() {
      return store.location();
    }

    @Override
    public List<String> list(String path) throws IOException {
      return store.list(path);
    }
  }
}
