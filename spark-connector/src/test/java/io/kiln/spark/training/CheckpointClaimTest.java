package io.kiln.spark.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.LocalCheckpointStore;
import io.kiln.engine.config.ConfigException;
import io.kiln.spark.output.RunOwner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Two runs and one folder of checkpoints. */
@Timeout(60)
class CheckpointClaimTest {
  private static final CheckpointClaim.Pace QUICK =
      new CheckpointClaim.Pace(Duration.ofMillis(20), Duration.ofSeconds(20));

  /** Beats that no test lives to see. */
  private static final CheckpointClaim.Pace SILENT =
      new CheckpointClaim.Pace(Duration.ofMinutes(10), Duration.ofSeconds(20));

  private static final CheckpointClaim.Pace IMPATIENT =
      new CheckpointClaim.Pace(Duration.ofMillis(20), Duration.ofMillis(200));

  @TempDir Path folder;
  private final List<String> remarks = new ArrayList<>();

  private CheckpointClaim claim(CheckpointClaim.Pace pace) throws IOException {
    return CheckpointClaim.of(new LocalCheckpointStore(folder), pace, remarks::add);
  }

  private Path file() {
    return folder.resolve(CheckpointFolder.CLAIM);
  }

  /** What a driver wrote that is gone. */
  private void left(RunOwner owner) throws IOException {
    Files.writeString(
        file(),
        "{\"run\":\"other\",\"host\":\"node7\",\"pid\":%d,\"boot\":\"%s\",\"started\":\"%s\",\"beat\":3}"
            .formatted(owner.pid(), owner.host(), owner.started()));
  }

  @Test
  void a_folder_that_another_run_uses_is_refused_with_the_process_that_does() throws Exception {
    try (CheckpointClaim first = claim(QUICK)) {
      ConfigException refused = assertThrows(ConfigException.class, () -> claim(QUICK));
      String line = refused.getMessage();
      assertTrue(line.startsWith("training.checkpoint_dir: " + folder), line);
      assertTrue(line.contains("process " + ProcessHandle.current().pid() + " on "), line);
      assertTrue(line.endsWith("let it end, or give each run a folder of its own"), line);
      assertTrue(first.lost().isEmpty());
    }
  }

  @Test
  void a_run_that_has_ended_leaves_the_folder_free_at_once() throws Exception {
    claim(QUICK).close();
    assertFalse(Files.exists(file()));
    claim(SILENT).close();
    assertEquals(List.of(), remarks);
  }

  @Test
  void what_a_killed_driver_of_this_machine_left_is_taken_at_once() throws Exception {
    Process driver = new ProcessBuilder("sleep", "600").start();
    RunOwner owner = RunOwner.of(driver.toHandle());
    driver.destroyForcibly().waitFor();
    left(owner);
    try (CheckpointClaim claim = claim(SILENT)) {
      assertTrue(Files.readString(file()).contains(":" + ProcessHandle.current().pid() + ","));
      assertEquals(List.of(), remarks);
    }
  }

  @Test
  void what_no_longer_changes_is_taken_after_a_while_and_the_wait_is_told() throws Exception {
    left(new RunOwner("another boot", 12, "34"));
    try (CheckpointClaim claim = claim(IMPATIENT)) {
      assertFalse(Files.readString(file()).contains("other"));
    }
    assertEquals(
        List.of(
            folder
                + ": process 12 on node7 uses it, or died; looking for up to 0 s whether it is alive"),
        remarks);
  }

  @Test
  void what_nobody_can_read_is_taken_after_a_while_too() throws Exception {
    Files.writeString(file(), "{");
    claim(IMPATIENT).close();
    assertEquals(1, remarks.size());
  }

  @Test
  void a_run_whose_folder_was_taken_meanwhile_hears_it_and_leaves_the_other_s_word()
      throws Exception {
    try (CheckpointClaim claim = claim(QUICK)) {
      left(new RunOwner("another boot", 12, "34"));
      // A beat that had looked before may write once more.
      while (claim.lost().isEmpty()) {
        Thread.sleep(5);
        if (!Files.readString(file()).contains("other")) {
          left(new RunOwner("another boot", 12, "34"));
        }
      }
      String line = claim.lost().get().getMessage();
      assertTrue(line.contains("process 12 on node7) has taken it"), line);
    }
    assertTrue(Files.readString(file()).contains("other"));
  }

  @Test
  void a_word_that_somebody_removed_is_written_again() throws Exception {
    try (CheckpointClaim claim = claim(QUICK)) {
      Files.delete(file());
      while (!Files.exists(file())) {
        Thread.sleep(5);
      }
      assertTrue(claim.lost().isEmpty());
    }
  }

  @Test
  void a_folder_that_cannot_be_used_is_told_in_one_line() {
    ConfigException refused =
        assertThrows(
            ConfigException.class,
            () ->
                CheckpointClaim.of(
                    "nowhere://a/b", new Configuration(false), line -> remarks.add(line)));
    assertTrue(refused.getMessage().startsWith("training.checkpoint_dir: "), refused.getMessage());
    assertEquals(1, refused.getMessage().lines().count());
  }
}
