package io.kiln.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.spark.output.OutputDirectory;
import io.kiln.spark.store.HadoopCheckpointStore;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Checkpoints on an S3 server, and what befalls it. */
class S3StoreTest extends CheckpointStoreContract {
  @TempDir static Path folder;
  private static S3Server s3;

  @BeforeAll
  static void start() throws IOException, InterruptedException {
    s3 = S3Server.start(folder);
  }

  @AfterAll
  static void stop() {
    s3.close();
  }

  @Override
  CheckpointStore openStore(String folder) throws IOException {
    return HadoopCheckpointStore.of(s3.uri() + "/" + folder, s3.configuration());
  }

  @Test
  void a_write_waits_for_a_server_that_starts_again() throws Exception {
    byte[] content = noise(LARGE);
    int written = 7 << 20; // One part is on its way.
    try (OutputStream out = store.create("global_step5/shard")) {
      out.write(content, 0, written);
      s3.stop();
      Thread restart =
          new Thread(
              () -> {
                try {
                  Thread.sleep(500);
                  s3.restart();
                } catch (IOException | InterruptedException failed) {
                  throw new IllegalStateException(failed);
                }
              });
      restart.start();
      out.write(content, written, content.length - written);
      restart.join();
    }
    assertArrayEquals(content, readBytes("global_step5/shard"));
  }

  @Test
  void a_server_that_is_gone_ends_a_write_with_a_line_and_leaves_nothing_half() throws Exception {
    write("global_step5/manifest", "x");
    Configuration impatient = s3.configuration();
    impatient.set("fs.s3a.retry.limit", "1");
    byte[] content = noise(LARGE);
    try (CheckpointStore there = HadoopCheckpointStore.of(store.location(), impatient)) {
      IOException error =
          assertThrows(
              IOException.class,
              () -> {
                try (OutputStream out = there.create("global_step6/shard")) {
                  out.write(content, 0, 7 << 20);
                  s3.stop();
                  out.write(content, 7 << 20, content.length - (7 << 20));
                }
              });
      assertOneLine(error, store.location() + "/global_step6/shard", "does not answer");
    } finally {
      s3.restart();
    }
    assertThrows(NoSuchFileException.class, () -> store.open("global_step6/shard"));
    assertEquals("x", read("global_step5/manifest"));
    assertEquals(List.of("global_step5"), store.list(""));
  }

  @Test
  void parts_that_a_dead_writer_left_go_with_the_folder() throws IOException {
    write("global_step5/manifest", "x");
    OutputStream left = store.create("global_step5/shard");
    left.write(noise(7 << 20)); // A part is on its way, the file not closed.
    store.delete("global_step5");
    assertThrows(IOException.class, left::close);
    assertThrows(NoSuchFileException.class, () -> store.open("global_step5/shard"));
  }

  @Test
  void wrong_credentials_are_told_at_once() throws IOException {
    Configuration wrong = s3.configuration();
    wrong.set("fs.s3a.secret.key", "not-the-secret-key");
    try (CheckpointStore there = HadoopCheckpointStore.of(store.location(), wrong)) {
      for (IOException error :
          List.of(
              assertThrows(IOException.class, () -> there.replace("latest", "x".getBytes(UTF_8))),
              assertThrows(IOException.class, () -> there.open("latest")),
              assertThrows(IOException.class, () -> there.list("")))) {
        assertOneLine(error, store.location(), "check the credentials");
        assertFalse(error instanceof NoSuchFileException, error.toString());
        assertFalse(error.getMessage().contains("secret-key"), error.getMessage());
      }
    }
  }

  @Test
  void a_bucket_that_is_not_there_is_not_taken_for_an_empty_one() throws IOException {
    String nowhere = "s3a://no-such-bucket/checkpoints";
    try (CheckpointStore there = HadoopCheckpointStore.of(nowhere, s3.configuration())) {
      for (IOException error :
          List.of(
              assertThrows(IOException.class, () -> there.list("")),
              assertThrows(IOException.class, () -> there.open("latest")),
              assertThrows(IOException.class, () -> there.replace("latest", new byte[1])))) {
        assertOneLine(error, nowhere, "no such bucket");
      }
    }
  }

  @Test
  void a_models_output_folder_may_lie_there_too() {
    OutputDirectory output =
        OutputDirectory.of(s3.uri() + "/models/" + UUID.randomUUID(), s3.configuration());
    output.claim(false);
    output.write("config.json", "{}".getBytes(UTF_8)); // Renamed, which is a copy here.
    assertEquals(List.of("config.json"), output.names());
    assertEquals("{}", new String(output.read("config.json"), UTF_8));
  }
}
