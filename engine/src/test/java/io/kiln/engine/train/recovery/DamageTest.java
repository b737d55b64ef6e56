package io.kiln.engine.train.recovery;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.engine.checkpoint.CheckpointException;
import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.LocalCheckpointStore;
import io.kiln.engine.config.ConfigException;
import io.kiln.engine.train.recovery.RecoveryRun.Outcome;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is damaged, foreign or missing is told apart from what is whole. */
class DamageTest {
  private static final String TINY =
      """
      {"model_type": "gpt2", "n_layer": 1, "n_head": 1, "n_embd": 4, "n_positions": 16,
       "vocab_size": 31, "resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0}
      """;

  @TempDir Path folder;
  private LocalCheckpointStore store;

  @BeforeEach
  void train() {
    store = new LocalCheckpointStore(folder);
    run().run();
  }

  /** With checkpoints of the steps 3 and 6. */
  private RecoveryRun run() {
    RecoveryRun run = new RecoveryRun(store);
    run.model = TINY;
    run.policy = RecoveryRun.policy(3, 9, 3, Duration.ofSeconds(60));
    return run;
  }

  private RecoveryRun longer() {
    RecoveryRun run = run();
    run.steps = 8;
    return run;
  }

  private Path shard(long step, int rank) throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve("global_step" + step))) {
      return files
          .filter(file -> file.getFileName().toString().startsWith("rank_" + rank))
          .findFirst()
          .orElseThrow();
    }
  }

  private Path manifest(long step) {
    return folder.resolve("global_step" + step).resolve("manifest.json");
  }

  private static void flip(Path file, long at) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[(int) at] ^= 1;
    Files.write(file, bytes);
  }

  @Test
  void every_byte_that_is_another_is_found() throws IOException {
    Map<String, byte[]> files = new TreeMap<>();
    for (Path file : List.of(manifest(6), shard(6, 0), shard(6, 1))) {
      files.put("global_step6/" + file.getFileName(), Files.readAllBytes(file));
    }
    CheckpointFolder checkpoints = new CheckpointFolder(new FilesInMemory(files));
    checkpoints.verify(6);
    int tried = 0;
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      byte[] bytes = file.getValue();
      for (int i = 0; i < bytes.length; i++) {
        byte right = bytes[i];
        // Another bit each time; all eight come by turns.
        bytes[i] ^= (byte) (1 << i % 8);
        int at = i;
        assertThrows(
            CheckpointException.class,
            () -> checkpoints.verify(6),
            () -> file.getKey() + " byte " + at);
        bytes[i] = right;
        tried++;
      }
    }
    checkpoints.verify(6);
    assertTrue(tried > 5_000, () -> "a sweep of a few bytes only");
  }

  @Test
  void a_damaged_shard_sends_all_ranks_to_the_checkpoint_before() throws IOException {
    flip(shard(6, 1), Files.size(shard(6, 1)) - 5);
    List<Outcome> ranks = longer().run();
    assertEquals(List.of(3L, 3L), ranks.stream().map(Outcome::begun).toList());
    assertEquals(List.of(), ranks.get(0).remarks());
    String line = ranks.get(1).remarks().get(0);
    assertTrue(line.contains("global_step6/rank_1") && line.contains("is damaged"), line);

    RecoveryRun undisturbed = new RecoveryRun(new LocalCheckpointStore(folder.resolve("other")));
    undisturbed.model = TINY;
    undisturbed.steps = 8;
    Outcome never = undisturbed.run().get(0);
    assertEquals(never.losses().subList(3, 8), ranks.get(0).losses());
    never
        .parameters()
        .forEach((name, v) -> assertArrayEquals(v, ranks.get(0).parameters().get(name), name));
  }

  @Test
  void a_missing_or_shorter_file_and_a_missing_manifest_do_so_too() throws IOException {
    byte[] shard = Files.readAllBytes(shard(6, 0));
    Path file = shard(6, 0);
    Files.delete(file);
    train(); // Steps 4 to 6 again, and a checkpoint over the damaged one.
    new CheckpointFolder(store).verify(6);
    Files.write(shard(6, 0), java.util.Arrays.copyOf(shard, shard.length - 1));
    assertEquals(3, longer().run().get(0).begun());
  }

  @Test
  void a_folder_without_a_manifest_is_no_checkpoint() throws IOException {
    Files.delete(manifest(6));
    Files.writeString(folder.resolve("latest"), "global_step3\n");
    Outcome outcome = longer().run().get(0);
    assertEquals(3, outcome.begun());
    assertEquals(List.of(), outcome.remarks());
  }

  @Test
  void what_latest_names_and_has_lost_its_manifest_is_damage_that_is_told() throws IOException {
    Files.delete(manifest(6));
    Outcome outcome = longer().run().get(0);
    assertEquals(3, outcome.begun());
    String line = outcome.remarks().get(0);
    assertTrue(line.contains("global_step6/manifest.json: is missing"), line);
    assertTrue(line.endsWith("going back to the checkpoint before"), line);
  }

  @Test
  void with_all_manifests_gone_nothing_is_begun_anew() throws IOException {
    Files.delete(manifest(6));
    Files.delete(manifest(3));
    String line = failure(longer());
    assertTrue(line.contains("no checkpoint in " + folder + " is whole"), line);
    assertTrue(Files.exists(shard(6, 0)));
  }

  @Test
  void latest_is_only_a_hint() throws IOException {
    Files.writeString(folder.resolve("latest"), "global_step3\n");
    assertEquals(6, longer().run().get(0).begun());
    Files.delete(folder.resolve("latest"));
    assertEquals(8, longer().run().get(0).begun());
  }

  @Test
  void with_nothing_whole_left_nothing_is_begun() throws IOException {
    flip(shard(6, 0), 100);
    flip(manifest(3), 10);
    String line = failure(longer());
    assertTrue(line.contains("no checkpoint in " + folder + " is whole"), line);
  }

  private static String failure(RecoveryRun run) {
    AssertionError thrown = assertThrows(AssertionError.class, run::run);
    assertEquals(ConfigException.class, thrown.getCause().getClass());
    return thrown.getCause().getMessage();
  }

  @Test
  void a_named_checkpoint_is_taken_and_no_other() throws IOException {
    RecoveryRun named = longer();
    named.only = OptionalLong.of(3);
    assertEquals(3, named.run().get(0).begun());
    flip(shard(3, 0), 100);
    RecoveryRun damaged = longer();
    damaged.only = OptionalLong.of(3);
    assertTrue(failure(damaged).contains("is whole at step 3"));
  }

  @Test
  void what_belongs_to_another_run_is_refused_by_name() {
    RecoveryRun model = longer();
    model.model = TINY.replace("\"n_embd\": 4", "\"n_embd\": 8");
    String other = failure(model);
    assertTrue(other.contains("is of another model: it has model.n_embd 4, this one has 8"), other);
    assertTrue(other.endsWith("give it the same, or start anew in another checkpoint_dir"), other);

    RecoveryRun optimizer = longer();
    optimizer.config.withObject("/optimizer").put("type", "Lion");
    assertTrue(failure(optimizer).contains("holds the optimizer state [exp_avg, exp_avg_sq]"));

    RecoveryRun seed = longer();
    seed.seed = 43;
    assertTrue(failure(seed).contains("is of a run with seed 42, this one has 43"));

    RecoveryRun batch = longer();
    batch.config.put("train_batch_size", 32);
    assertTrue(failure(batch).contains("train_batch_size 16, this one has 32"));
  }

  /** Its seal is the CRC-32C of all that comes before the seal. */
  private void makeNewer(long step) throws IOException {
    String text = newer(step);
    String open = text.substring(0, text.indexOf(",\n  \"manifest_crc32c\""));
    CRC32C checksum = new CRC32C();
    checksum.update(open.getBytes(StandardCharsets.UTF_8));
    Files.writeString(
        manifest(step),
        open + ",\n  \"manifest_crc32c\" : \"%08x\"\n}\n".formatted(checksum.getValue()));
  }

  private String newer(long step) throws IOException {
    return Files.readString(manifest(step))
        .replace("\"format_version\" : 1", "\"format_version\" : 2");
  }

  @Test
  void a_version_that_its_seal_does_not_cover_is_damage() throws IOException {
    Files.writeString(manifest(6), newer(6));
    Outcome outcome = longer().run().get(0);
    assertEquals(3, outcome.begun());
    assertTrue(outcome.remarks().get(0).contains("is damaged"), outcome.remarks().get(0));
  }

  @Test
  void a_newer_format_may_seal_itself_otherwise() throws IOException {
    Files.writeString(manifest(6), newer(6).replace("manifest_crc32c", "manifest_sha256"));
    assertTrue(failure(longer()).contains("has the format version 2, this Kiln reads up to 1"));
  }

  @Test
  void a_newer_format_is_neither_read_nor_written_over_from_an_older_one() throws IOException {
    makeNewer(6);
    byte[] before = Files.readAllBytes(manifest(6));
    assertEquals(
        "training.resume: "
            + manifest(6)
            + ": has the format version 2, this Kiln reads up to 1: use the Kiln that wrote it, or"
            + " a newer one, or start anew in another checkpoint_dir",
        failure(longer()));
    assertArrayEquals(before, Files.readAllBytes(manifest(6)));
  }

  /** Nobody reads the whole file. */
  @Test
  void a_damaged_byte_is_found_by_the_rank_that_wants_it() throws IOException {
    for (double place : new double[] {0.5, 0.999}) {
      Path damaged = shard(6, 0);
      long at = (long) (place * Files.size(damaged));
      flip(damaged, at);
      // Four ranks read parts of what two have written.
      RecoveryRun run = longer();
      run.ranks = 4;
      run.steps = 3;
      run.takesLast = false;
      List<Outcome> ranks = run.run();
      ranks.forEach(rank -> assertEquals(3, rank.begun()));
      assertTrue(ranks.stream().anyMatch(rank -> !rank.remarks().isEmpty()));
      flip(damaged, at);
    }
  }

  @Test
  void a_newer_format_says_which_kiln_to_take() throws IOException {
    makeNewer(6);
    CheckpointException thrown =
        assertThrows(CheckpointException.class, () -> new CheckpointFolder(store).manifest(6));
    assertTrue(thrown.getMessage().contains("format version 2, this Kiln reads up to 1"));
  }
}
