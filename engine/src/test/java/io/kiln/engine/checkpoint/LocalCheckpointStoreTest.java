package io.kiln.engine.checkpoint;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalCheckpointStoreTest {
  @TempDir Path folder;
  private CheckpointStore store;

  @BeforeEach
  void open() {
    store = new LocalCheckpointStore(folder.resolve("not/yet"));
  }

  private void write(String path, String text) throws IOException {
    try (OutputStream out = store.create(path)) {
      out.write(text.getBytes(UTF_8));
    }
  }

  private String read(String path) throws IOException {
    try (StoredFile file = store.open(path)) {
      byte[] bytes = new byte[(int) file.length()];
      file.readFully(0, bytes, 0, bytes.length);
      return new String(bytes, UTF_8);
    }
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
  }

  @Test
  void a_draft_is_a_checkpoint_only_when_it_is_published() throws IOException {
    String draft = store.draft("global_step5", "one");
    write(draft + "/shard", "x");
    assertThrows(NoSuchFileException.class, () -> store.open("global_step5/shard"));
    store.publish(draft, "global_step5");
    assertEquals("x", read("global_step5/shard"));
    assertEquals(List.of("global_step5"), store.list(""));
  }

  @Test
  void a_checkpoint_of_the_same_name_is_replaced_with_all_its_files() throws IOException {
    write("global_step5/old", "x");
    String draft = store.draft("global_step5", "two");
    write(draft + "/new", "y");
    store.publish(draft, "global_step5");
    assertEquals(List.of("new"), store.list("global_step5"));
    assertEquals(List.of("global_step5"), store.list(""));
  }

  @Test
  void a_small_file_is_replaced_and_nothing_else_is_left() throws IOException {
    store.replace("latest", "one".getBytes(UTF_8));
    store.replace("latest", "two".getBytes(UTF_8));
    assertEquals("two", read("latest"));
    assertEquals(List.of("latest"), store.list(""));
  }

  private static void assertOneLine(IOException error, String... parts) {
    assertEquals(1, error.getMessage().lines().count(), error::getMessage);
    for (String part : parts) {
      assertTrue(error.getMessage().contains(part), error::getMessage);
    }
  }

  @Test
  void a_checkpoint_dir_that_is_a_file_is_told_with_the_mend() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "x");
    CheckpointStore there = new LocalCheckpointStore(file);
    String[] parts = {file + " is a file", "name another checkpoint_dir"};
    assertOneLine(assertThrows(NotDirectoryException.class, () -> there.list("")), parts);
    assertOneLine(assertThrows(IOException.class, () -> there.create("a/b")), parts);
    assertOneLine(
        assertThrows(IOException.class, () -> there.replace("latest", new byte[1])), parts);
    assertOneLine(assertThrows(IOException.class, () -> there.open("a")), parts);
  }

  /** Nobody, not even root, makes folders in /proc. */
  @Test
  void a_checkpoint_dir_that_cannot_be_written_is_told_with_the_mend() {
    CheckpointStore there = new LocalCheckpointStore(Path.of("/proc/kiln/checkpoints"));
    assertOneLine(
        assertThrows(IOException.class, () -> there.create("a/b")),
        "/proc/kiln/checkpoints/a/b cannot be written: ",
        "name another checkpoint_dir");
  }

  @Test
  void what_the_system_says_is_told_in_words() {
    Path where = Path.of("/x/y");
    assertOneLine(
        LocalStoreException.of("written", where, new AccessDeniedException("/x/y")),
        "/x/y cannot be written: ",
        "has no right to",
        "name another checkpoint_dir");
    assertOneLine(
        LocalStoreException.of("written", where, new IOException("No space left on device")),
        "/x/y cannot be written: No space left on device",
        "free some");
    assertOneLine(
        LocalStoreException.of(
            "written", where, new FileSystemException("/x/y", null, "Read-only file system")),
        "/x/y cannot be written: Read-only file system",
        "name another checkpoint_dir");
    assertOneLine(
        LocalStoreException.of("read", where, new IOException("Input/output error")),
        "/x/y cannot be read: Input/output error");
  }

  @Test
  void what_is_not_there_is_listed_and_deleted_without_complaint() throws IOException {
    assertEquals(List.of(), store.list("nowhere"));
    store.delete("nowhere");
    write("a/b/c", "x");
    store.delete("a");
    assertEquals(List.of(), store.list(""));
    assertEquals(true, Files.isDirectory(folder.resolve("not/yet")));
  }
}
