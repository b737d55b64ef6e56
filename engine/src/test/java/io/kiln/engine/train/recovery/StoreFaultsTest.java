package io.kiln.engine.train.recovery;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.engine.checkpoint.LocalCheckpointStore;
import io.kiln.engine.checkpoint.StoredFile;
import io.kiln.engine.train.recovery.RecoveryRun.Outcome;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Stores that fail, half-way or for good, or are slow. */
@Timeout(60)
class StoreFaultsTest {
  @TempDir Path folder;
  private CheckpointStore sound;

  @BeforeEach
  void open() {
    sound = new LocalCheckpointStore(folder);
  }

  private FaultyStore failing(String where, int times) {
    return new FaultyStore(sound, where, new AtomicInteger(times), 0, 1000);
  }

  @Test
  void what_is_refused_once_is_written_again() throws IOException {
    for (String where : List.of("/rank_1", "manifest.json", "latest")) {
      RecoveryRun run = new RecoveryRun(failing(where, 1));
      run.steps = 3;
      List<Outcome> ranks = run.run();
      assertEquals(3, ranks.get(0).checkpoints().get(0).step(), where);
      assertEquals(List.of(), ranks.get(1).remarks());
      new CheckpointFolder(sound).verify(3);
      assertEquals(List.of("global_step3", "latest"), sound.list(""));
      sound.delete("global_step3");
      sound.delete("latest");
    }
  }

  @Test
  void a_store_that_stays_broken_ends_the_run_and_leaves_earlier_checkpoints() throws IOException {
    RecoveryRun before = new RecoveryRun(sound);
    before.steps = 3;
    before.run();
    RecoveryRun run = new RecoveryRun(failing("/rank_1", Integer.MAX_VALUE));
    run.policy = RecoveryRun.policy(3, 2, 1, Duration.ofSeconds(60));
    run.steps = 9;
    AssertionError thrown = assertThrows(AssertionError.class, run::run);
    assertEquals(CheckpointsFailedException.class, thrown.getCause().getClass());
    assertTrue(
        thrown.getCause().getMessage().contains("1 checkpoints in a row could not be written"),
        () -> thrown.getCause().getMessage());
    new CheckpointFolder(sound).verify(3);
    assertEquals(List.of("global_step3", "latest"), published());
  }

  /** Every rank can write its shard, only the checkpoint never comes about. */
  @Test
  void a_store_that_takes_shards_and_no_manifest_ends_the_run_as_well() {
    RecoveryRun run = new RecoveryRun(failing("manifest.json", Integer.MAX_VALUE));
    run.policy = RecoveryRun.policy(1, 2, 2, Duration.ofSeconds(60));
    run.steps = 9;
    AssertionError thrown = assertThrows(AssertionError.class, run::run);
    assertTrue(
        thrown.getCause().getMessage().contains("2 checkpoints in a row could not be written"),
        () -> thrown.getCause().getMessage());
  }

  /** Rank 0's own shard was written well: it is rank 1 that knows. */
  @Test
  void the_line_that_ends_a_run_says_why_on_every_rank_and_names_no_class() throws IOException {
    RecoveryRun run = new RecoveryRun(failing("/rank_1", Integer.MAX_VALUE));
    run.policy = RecoveryRun.policy(3, 2, 2, Duration.ofSeconds(60));
    run.steps = 9;
    AssertionError thrown = assertThrows(AssertionError.class, run::run);
    assertEquals(
        folder
            + ": 2 checkpoints in a row could not be written, the last one: No space left on device;"
            + " earlier ones are untouched: mend the store and resume",
        thrown.getCause().getMessage());
    assertEquals(List.of(), sound.list(""));
  }

  @Test
  void drafts_of_checkpoints_that_failed_go() throws IOException {
    for (String where : List.of("/rank_1", "manifest.json")) {
      RecoveryRun run = new RecoveryRun(failing(where, 3));
      assertEquals(
          List.of(6L),
          run.run().get(0).checkpoints().stream().map(CheckpointReport::step).toList(),
          where);
      assertEquals(List.of("global_step6", "latest"), sound.list(""), where);
      sound.delete("global_step6");
      sound.delete("latest");
    }
  }

  /** Breaks reads of files whose path says so, a number of times: opening or reading them. */
  private final class Away extends HandingOn {
    private final String where;
    private final boolean opening;
    private final AtomicInteger times;

    Away(String where, boolean opening, int times) {
      super(sound);
      this.where = where;
      this.opening = opening;
      this.times = new AtomicInteger(times);
    }

    private void fail(String path) throws IOException {
      if (path.contains(where) && times.getAndDecrement() > 0) {
        throw new IOException(location() + "/" + path + " cannot be read: 503 Slow Down");
      }
    }

    @Override
    public StoredFile open(String path) throws IOException {
      if (opening) {
        fail(path);
        return sound.open(path);
      }
      StoredFile file = sound.open(path);
      return new StoredFile() {
        @Override
        public long length() {
          return file.length();
        }

        @Override
        public void readFully(long position, byte[] target, int offset, int length)
            throws IOException {
          fail(path);
          file.readFully(position, target, offset, length);
        }

        @Override
        public void close() throws IOException {
          file.close();
        }
      };
    }
  }

  private RecoveryRun withTwoCheckpoints() {
    RecoveryRun before = new RecoveryRun(sound);
    before.run();
    RecoveryRun on = new RecoveryRun(sound);
    on.steps = 7;
    return on;
  }

  @Test
  void a_store_that_is_away_for_a_moment_is_waited_for() {
    for (boolean opening : List.of(true, false)) {
      for (String where : List.of("global_step6/rank_1", "global_step6/manifest.json", "latest")) {
        RecoveryRun run = withTwoCheckpoints();
        run.store = new Away(where, opening, 2);
        run.steps = 6;
        for (Outcome rank : run.run()) {
          assertEquals(6, rank.begun(), where);
          assertEquals(List.of(), rank.remarks());
        }
      }
    }
  }

  @Test
  void a_store_that_cannot_be_read_ends_the_run_and_no_older_checkpoint_is_gone_on_from()
      throws IOException {
    RecoveryRun run = withTwoCheckpoints();
    List<String> before = sound.list("global_step6");
    for (String where : List.of("global_step6/rank_1", "global_step6/manifest.json")) {
      run.store = new Away(where, false, Integer.MAX_VALUE);
      AssertionError thrown = assertThrows(AssertionError.class, run::run);
      assertEquals(StoreUnusableException.class, thrown.getCause().getClass());
      String line = thrown.getCause().getMessage();
      assertTrue(line.contains("503 Slow Down") && line.contains("resume"), line);
    }
    assertEquals(before, sound.list("global_step6"));
    new CheckpointFolder(sound).verify(6);
  }

  private List<String> published() throws IOException {
    return sound.list("").stream().filter(name -> !name.startsWith(".")).toList();
  }

  @Test
  void a_store_that_hangs_is_given_up_after_the_set_time() {
    RecoveryRun run =
        new RecoveryRun(new FaultyStore(sound, "/rank_0", new AtomicInteger(), 20_000, 0));
    run.policy = RecoveryRun.policy(3, 2, 1, Duration.ofSeconds(1));
    AssertionError thrown = assertThrows(AssertionError.class, run::run);
    assertTrue(
        Stream.iterate(thrown.getCause(), e -> e != null, Throwable::getCause)
            .anyMatch(e -> e.getMessage().contains("did not take it within 1 s")),
        () -> thrown.getCause().toString());
  }

  @Test
  void a_slow_store_holds_the_training_back_and_loses_nothing() throws IOException {
    RecoveryRun run =
        new RecoveryRun(new FaultyStore(sound, "/rank_0", new AtomicInteger(), 300, 0));
    run.policy = RecoveryRun.policy(1, 9, 1, Duration.ofSeconds(30));
    run.steps = 4;
    Outcome outcome = run.run().get(1);
    assertEquals(
        List.of(1L, 2L, 3L, 4L),
        outcome.checkpoints().stream().map(CheckpointReport::step).toList());
    for (long step = 1; step <= 4; step++) {
      new CheckpointFolder(sound).verify(step);
    }
  }

  @Test
  void what_dead_writers_left_is_removed_and_what_is_whole_is_not() throws IOException {
    RecoveryRun before = new RecoveryRun(sound);
    before.steps = 3;
    before.run();
    for (String path : List.of(".global_step6.dead/rank_0", "global_step9/rank_0")) {
      try (OutputStream out = sound.create(path)) {
        out.write(1);
      }
    }
    new CheckpointFolder(sound).removeUnfinished();
    assertEquals(List.of("global_step3", "latest"), sound.list(""));
  }

  @Test
  void pruning_keeps_the_last_and_the_multiples_and_counts_only_what_has_a_manifest()
      throws IOException {
    RecoveryRun run = new RecoveryRun(sound);
    run.policy = RecoveryRun.policy(1, 99, 1, Duration.ofSeconds(30));
    run.steps = 6;
    run.run();
    sound.delete("global_step5/manifest.json");
    new CheckpointFolder(sound).prune(6, 2, 3);
    // 6 and 4 are the last two with a manifest, 3 is a multiple; 5 is nobody's loss or gain.
    List<String> left = published();
    assertTrue(left.containsAll(List.of("global_step3", "global_step4", "global_step6")));
    assertTrue(left.stream().noneMatch(List.of("global_step1", "global_step2")::contains));
  }
}
