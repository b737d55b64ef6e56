package io.kiln.engine.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A shard of several chunks, read in parts. */
class ShardReaderTest {
  private static final int CHUNK = 4 << 20;

  /** Some 38 MB: nine chunks and a part, of one long run and some short ones. */
  private static final int[] LENGTHS = {100_003, 7, 9_000_000, 1, 300_000, 50_000};

  @TempDir Path folder;
  private Path file;
  private StoredShard shard;
  private final List<long[]> reads = new ArrayList<>();

  /** Element {@code i} of every parameter is {@code i}, which fp32 holds up to 2^24. */
  @BeforeEach
  void write() throws IOException {
    file = folder.resolve("folder/shard");
    shard = write("shard", false);
  }

  private StoredShard write(String name, boolean reversed) throws IOException {
    try (PointerScope scope = new PointerScope()) {
      List<Piece> pieces = new ArrayList<>();
      for (int p = 0; p < LENGTHS.length; p++) {
        Tensor values = torch.arange(new Scalar(LENGTHS[p])).to(ScalarType.Float);
        pieces.add(new Piece("p" + p, 0, LENGTHS[p], Map.of("master", values)));
      }
      if (reversed) {
        Collections.reverse(pieces);
      }
      return ShardWriter.write(new LocalCheckpointStore(folder), "folder", name, pieces);
    }
  }

  /** Notes what is asked of the file. */
  private final class Noted implements StoredFile {
    private final StoredFile stored;

    Noted(StoredFile stored) {
      this.stored = stored;
    }

    @Override
    public long length() {
      return stored.length();
    }

    @Override
    public void readFully(long position, byte[] target, int offset, int length) throws IOException {
      reads.add(new long[] {position, length});
      stored.readFully(position, target, offset, length);
    }

    @Override
    public void close() throws IOException {
      stored.close();
    }
  }

  private ShardReader open() throws IOException {
    FilesInFolder store = new FilesInFolder();
    return ShardReader.open(store, "folder", shard, new RecentChunks());
  }

  private record Part(int parameter, int from, int count) {}

  private static void check(ShardReader reader, List<Part> parts) throws IOException {
    try (PointerScope scope = new PointerScope()) {
      List<ShardReader.Wanted> wanted = new ArrayList<>();
      for (Part part : parts) {
        ShardReader.Run run = reader.run("master", "p" + part.parameter()).orElseThrow();
        Tensor target =
            torch.empty(new long[] {part.count()}, new TensorOptions(ScalarType.Float), null);
        wanted.add(new ShardReader.Wanted(run, part.from(), target));
      }
      reader.read(wanted);
      for (int p = 0; p < parts.size(); p++) {
        float[] values = new float[parts.get(p).count()];
        new FloatPointer(wanted.get(p).target().data_ptr()).get(values);
        for (int i = 0; i < values.length; i++) {
          if (values[i] != parts.get(p).from() + i) {
            assertEquals(parts.get(p).from() + i, values[i], parts.get(p) + " at " + i);
          }
        }
      }
    }
  }

  @Test
  void all_of_it_is_read_once_and_in_few_requests() throws IOException {
    List<Part> all = new ArrayList<>();
    for (int p = 0; p < LENGTHS.length; p++) {
      all.add(new Part(p, 0, LENGTHS[p]));
    }
    Collections.reverse(all);
    try (ShardReader reader = open()) {
      check(reader, all);
    }
    // The header's chunk, then stretches of four.
    assertEquals(4, reads.size());
    assertEquals(shard.length(), reads.stream().mapToLong(read -> read[1]).sum());
  }

  @Test
  void what_nobody_wants_between_two_parts_is_not_read() throws IOException {
    try (ShardReader reader = open()) {
      reads.clear();
      // The long run's elements lie some 400 kB into the file.
      check(reader, List.of(new Part(2, 8_000_000, 10), new Part(2, 2_500_000, 10)));
    }
    assertEquals(2, reads.size());
    assertTrue(reads.stream().allMatch(read -> read[0] % CHUNK == 0 && read[1] == CHUNK));
  }

  @Test
  void parts_of_any_size_and_order_even_overlapping_ones_are_right() throws IOException {
    Random random = new Random(5);
    try (ShardReader reader = open()) {
      for (int round = 0; round < 10; round++) {
        List<Part> parts = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
          int parameter = random.nextInt(LENGTHS.length);
          int from = random.nextInt(LENGTHS[parameter]);
          int most = LENGTHS[parameter] - from;
          int count = 1 + random.nextInt(i % 2 == 0 ? most : Math.min(most, 1000));
          parts.add(new Part(parameter, from, count));
        }
        check(reader, parts);
      }
    }
  }

  @Test
  void two_files_that_are_read_by_turns_do_not_mix() throws IOException {
    RecentChunks chunks = new RecentChunks();
    FilesInFolder store = new FilesInFolder();
    // The same values at other places.
    StoredShard second = write("second", true);
    try (ShardReader one = ShardReader.open(store, "folder", shard, chunks);
        ShardReader other = ShardReader.open(store, "folder", second, chunks)) {
      for (int from = 0; from < 9_000_000; from += 3_000_000) {
        check(one, List.of(new Part(2, from, 3_000_000)));
        reads.clear();
        check(other, List.of(new Part(2, from, 3_000_000)));
        if (from > 0) {
          // What it ended with the time before was kept.
          assertTrue(reads.stream().mapToLong(read -> read[1]).sum() < 3 * CHUNK + 1);
        }
      }
    }
  }

  @Test
  void damage_in_the_middle_of_a_stretch_is_found_and_stays_found() throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[6 * CHUNK + 12345] ^= 4;
    Files.write(file, bytes);
    try (ShardReader reader = open()) {
      List<Part> all = List.of(new Part(2, 0, LENGTHS[2]));
      for (int i = 0; i < 2; i++) {
        String line =
            assertThrows(CheckpointException.class, () -> check(reader, all)).getMessage();
        assertTrue(line.contains("bytes " + 6 * CHUNK + " to " + 7 * CHUNK), line);
      }
      check(reader, List.of(new Part(2, 0, 1000)));
    }
  }

  /** The folder's files, noted; nothing else. */
  private final class FilesInFolder extends StoreStub {
    private final CheckpointStore store = new LocalCheckpointStore(folder);

    @Override
    public String location() {
      return store.location();
    }

    @Override
    public StoredFile open(String path) throws IOException {
      return new Noted(store.open(path));
    }
  }
}
