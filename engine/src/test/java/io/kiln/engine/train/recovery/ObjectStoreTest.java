package io.kiln.engine.train.recovery;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.train.recovery.RecoveryRun.Outcome;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Checkpoints that are written in place, where nothing but the manifest tells what is whole. */
@Timeout(60)
class ObjectStoreTest {
  @TempDir Path folder;
  private InPlaceStore sound;

  @BeforeEach
  void open() {
    sound = new InPlaceStore(folder);
  }

  private void leave(String path) throws IOException {
    try (OutputStream out = sound.create(path)) {
      out.write(1);
    }
  }

  private FaultyStore failing(String where, int times) {
    return new FaultyStore(sound, where, new AtomicInteger(times), 0, 1000);
  }

  private RecoveryRun run(long steps) {
    RecoveryRun run = new RecoveryRun(sound);
    run.steps = steps;
    return run;
  }

  @Test
  void a_folder_with_nothing_but_what_a_dead_writer_left_is_begun_from_the_seed()
      throws IOException {
    List<Double> never =
        new RecoveryRun(new InPlaceStore(folder.resolve("never"))).run().get(0).losses();
    leave("global_step3/rank_0-dead.safetensors");
    leave("global_step6/rank_1-dead.safetensors");
    for (Outcome rank : run(6).run()) {
      assertEquals(0, rank.begun());
      assertEquals(List.of(), rank.remarks());
      assertEquals(never, rank.losses());
    }
    new CheckpointFolder(sound).verify(6);
  }

  @Test
  void what_a_dead_writer_left_is_passed_over_in_silence() throws IOException {
    run(3).run();
    leave("global_step6/rank_0-dead.safetensors");
    leave("latest.x");
    for (Outcome rank : run(8).run()) {
      assertEquals(3, rank.begun());
      assertEquals(List.of(), rank.remarks());
    }
  }

  @Test
  void what_is_refused_once_is_written_again() throws IOException {
    for (String where : List.of("/rank_1", "manifest.json", "latest")) {
      RecoveryRun run = run(3);
      run.store = failing(where, 1);
      for (Outcome rank : run.run()) {
        assertEquals(3, rank.checkpoints().get(0).step(), where);
        assertEquals(List.of(), rank.remarks());
      }
      new CheckpointFolder(sound).verify(3);
      assertEquals(List.of("global_step3", "latest"), sound.list(""));
      sound.delete("global_step3");
      sound.delete("latest");
    }
  }

  @Test
  void a_checkpoint_whose_latest_cannot_be_written_is_whole_and_stays() throws IOException {
    RecoveryRun run = run(9);
    run.store = failing("latest", Integer.MAX_VALUE);
    run.policy = RecoveryRun.policy(3, 2, 1, Duration.ofSeconds(60));
    List<Outcome> ranks = run.run();
    for (Outcome rank : ranks) {
      assertEquals(
          List.of(3L, 6L, 9L), rank.checkpoints().stream().map(CheckpointReport::step).toList());
    }
    List<String> remarks = ranks.get(0).remarks();
    assertEquals(3, remarks.size());
    assertTrue(remarks.get(0).contains("global_step3 is whole"), remarks.get(0));
    assertTrue(remarks.get(0).contains("latest"), remarks.get(0));
    assertTrue(remarks.get(0).contains("No space left on device"), remarks.get(0));
    assertEquals(List.of("global_step6", "global_step9"), sound.list(""));
    new CheckpointFolder(sound).verify(6);
    new CheckpointFolder(sound).verify(9);
    assertEquals(9, run(10).run().get(0).begun());
  }

  @Test
  void pruning_counts_only_checkpoints_whose_files_are_there() throws IOException {
    RecoveryRun run = run(4);
    run.policy = RecoveryRun.policy(1, 99, 1, Duration.ofSeconds(30));
    run.run();
    String shard =
        sound.list("global_step3").stream()
            .filter(name -> name.startsWith("rank_1"))
            .findFirst()
            .orElseThrow();
    sound.delete("global_step3/" + shard);
    new CheckpointFolder(sound).prune(4, 2, 0);
    // 4 and 2 are whole; 3 is nobody's loss or gain.
    List<String> left = sound.list("");
    assertTrue(left.containsAll(List.of("global_step4", "global_step2")), left::toString);
    assertTrue(!left.contains("global_step1"), left::toString);
    new CheckpointFolder(sound).verify(2);
  }

  @Test
  void a_checkpoint_that_failed_leaves_no_files_and_the_next_one_is_whole() throws IOException {
    for (String where : List.of("/rank_1", "manifest.json")) {
      RecoveryRun run = run(6);
      // The first try and the two after it.
      run.store = failing(where, 3);
      List<Outcome> ranks = run.run();
      assertEquals(List.of(6L), steps(ranks.get(1)), where);
      assertEquals(List.of(), sound.list("global_step3"), where);
      new CheckpointFolder(sound).verify(6);
      sound.delete("global_step6");
      sound.delete("latest");
    }
  }

  private static List<Long> steps(Outcome rank) {
    return rank.checkpoints().stream().map(CheckpointReport::step).toList();
  }

  @Test
  void a_run_that_ends_for_its_store_can_be_gone_on_with() throws IOException {
    RecoveryRun broken = run(9);
    broken.store = failing("/rank_1", Integer.MAX_VALUE);
    broken.policy = RecoveryRun.policy(3, 2, 2, Duration.ofSeconds(60));
    assertThrows(AssertionError.class, broken::run);
    for (Outcome rank : run(6).run()) {
      assertEquals(0, rank.begun());
      assertEquals(List.of(), rank.remarks());
    }
  }
}
