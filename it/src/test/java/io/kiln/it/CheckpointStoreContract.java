package io.kiln.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.engine.checkpoint.StoredFile;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.NoSuchFileException;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every store does, whatever it lies on. */
abstract class CheckpointStoreContract {
  static final int LARGE = 20 << 20;

  CheckpointStore store;

  /** A store in a folder that nobody else uses and that is not there yet. */
  abstract CheckpointStore openStore(String folder) throws IOException;

  @BeforeEach
  void open() throws IOException {
    store = openStore("not/yet/" + UUID.randomUUID());
  }

  @AfterEach
  void close() throws IOException {
    store.close();
  }

  void write(String path, String text) throws IOException {
    try (OutputStream out = store.create(path)) {
      out.write(text.getBytes(UTF_8));
    }
  }

  String read(String path) throws IOException {
    return new String(readBytes(path), UTF_8);
  }

  byte[] readBytes(String path) throws IOException {
    try (StoredFile file = store.open(path)) {
      byte[] bytes = new byte[Math.toIntExact(file.length())];
      file.readFully(0, bytes, 0, bytes.length);
      return bytes;
    }
  }

  static byte[] noise(int length) {
    byte[] bytes = new byte[length];
    new Random(7).nextBytes(bytes);
    return bytes;
  }

  /** An error as a person gets it: one line that names the place. */
  static void assertOneLine(IOException error, String place, String reason) {
    String line = error.getMessage();
    assertEquals(1, line.lines().count(), line);
    assertTrue(line.contains(place), line);
    assertTrue(line.contains(reason), line);
    assertTrue(line.length() < 800, line);
  }

  @Test
  void what_is_written_is_read_at_any_place() throws IOException {
    write("a/b", "0123456789");
    try (StoredFile file = store.open("a/b")) {
      assertEquals(10, file.length());
      byte[] some = new byte[5];
      file.readFully(3, some, 1, 4);
      assertArrayEquals(new byte[] {0, '3', '4', '5', '6'}, some);
      assertThrows(EOFException.class, () -> file.readFully(7, some, 0, 4));
    }
    write("a/b", "again");
    assertEquals("again", read("a/b"));
  }

  @Test
  void a_large_file_is_read_at_random_ranges() throws IOException {
    byte[] content = noise(LARGE);
    try (OutputStream out = store.create("folder/large")) {
      out.write(content[0]);
      out.write(content, 1, 6_999_999);
      out.write(content, 7_000_000, content.length - 7_000_000);
    }
    Random random = new Random(11);
    try (StoredFile file = store.open("folder/large")) {
      assertEquals(LARGE, file.length());
      for (int i = 0; i < 12; i++) {
        int length = 1 + random.nextInt(i < 6 ? 4096 : 6 << 20);
        int position = random.nextInt(LARGE - length + 1);
        byte[] range = new byte[length];
        file.readFully(position, range, 0, length);
        assertTrue(
            Arrays.equals(range, 0, length, content, position, position + length),
            length + " bytes at " + position);
      }
    }
    assertArrayEquals(content, readBytes("folder/large"));
  }

  @Test
  void a_draft_is_a_checkpoint_only_when_its_manifest_is_published() throws IOException {
    String draft = store.draft("global_step5", "one");
    write(draft + "/shard-one", "x");
    assertThrows(NoSuchFileException.class, () -> store.open("global_step5/manifest"));
    write(draft + "/manifest", "shard-one");
    store.publish(draft, "global_step5");
    assertEquals("shard-one", read("global_step5/manifest"));
    assertEquals("x", read("global_step5/shard-one"));
    assertEquals(List.of("global_step5"), store.list(""));
    assertEquals(List.of("manifest", "shard-one"), store.list("global_step5"));
  }

  @Test
  void a_checkpoint_of_the_same_name_takes_the_place_of_the_older() throws IOException {
    for (String attempt : List.of("one", "two")) {
      String draft = store.draft("global_step5", attempt);
      write(draft + "/shard-" + attempt, attempt);
      write(draft + "/manifest", "shard-" + attempt);
      store.publish(draft, "global_step5");
    }
    assertEquals("shard-two", read("global_step5/manifest"));
    assertEquals("two", read("global_step5/shard-two"));
    assertEquals(List.of("global_step5"), store.list(""));
  }

  @Test
  void a_small_file_is_replaced_and_nothing_else_is_left() throws IOException {
    store.replace("latest", "one".getBytes(UTF_8));
    store.replace("latest", "two".getBytes(UTF_8));
    assertEquals("two", read("latest"));
    assertEquals(List.of("latest"), store.list(""));
  }

  @Test
  void what_is_not_there_is_listed_and_deleted_without_complaint() throws IOException {
    assertEquals(List.of(), store.list("nowhere"));
    store.delete("nowhere");
    assertThrows(NoSuchFileException.class, () -> store.open("nowhere"));
    assertEquals(List.of(), store.list(""));
  }

  @Test
  void a_folder_goes_with_all_that_is_in_it() throws IOException {
    write("a/b/c", "x");
    write("a/d", "x");
    write("ab", "stays");
    store.delete("a");
    assertEquals(List.of("ab"), store.list(""));
    assertThrows(NoSuchFileException.class, () -> store.open("a/b/c"));
    store.delete("ab");
    assertEquals(List.of(), store.list(""));
  }

  @Test
  void a_writer_that_was_interrupted_does_not_take_its_file_for_whole() throws IOException {
    OutputStream out = store.create("a");
    out.write(1);
    Thread.currentThread().interrupt();
    try {
      assertThrows(IOException.class, out::close);
    } finally {
      Thread.interrupted();
    }
  }
}
