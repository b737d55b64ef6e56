package io.kiln.engine.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Checkpoints that take the place of older ones of the same step, and what is in their way. */
class CheckpointFolderTest {
  private static final long STEP = 5;
  private static final String NAME = CheckpointFolder.name(STEP);

  @TempDir Path folder;
  private LocalCheckpointStore store;
  private CheckpointFolder checkpoints;

  @BeforeEach
  void open() {
    store = new LocalCheckpointStore(folder);
    checkpoints = new CheckpointFolder(store);
  }

  private CheckpointManifest shard(String draft, String writer) throws IOException {
    try (PointerScope scope = new PointerScope()) {
      Piece piece = new Piece("p", 0, 2, Map.of("master", Tensor.create(1f, 2f)));
      StoredShard shard = ShardWriter.write(store, draft, "rank_0-" + writer, List.of(piece));
      ObjectNode content = new ObjectMapper().createObjectNode().put("writer", writer);
      return new CheckpointManifest(STEP, content, List.of(shard));
    }
  }

  /** An older checkpoint, and a draft that is whole and was about to take its place. */
  private String replacing() throws IOException {
    String first = store.draft(NAME, "one");
    checkpoints.publish(first, shard(first, "old"));
    String draft = store.draft(NAME, "two");
    CheckpointManifest manifest = shard(draft, "new");
    Files.write(folder.resolve(draft).resolve(CheckpointManifest.FILE), manifest.toBytes());
    Files.move(folder.resolve(NAME), folder.resolve(store.draft(NAME, "old-1")));
    return draft;
  }

  private String writer() throws IOException {
    return checkpoints.verify(STEP).content().path("writer").asText();
  }

  @Test
  void a_death_between_the_two_renames_of_a_replacement_loses_neither() throws IOException {
    replacing();
    checkpoints.removeUnfinished();
    assertEquals("new", writer());
    assertEquals(List.of(NAME), store.list(""));
  }

  @Test
  void where_the_new_one_is_not_whole_the_old_one_is_put_back() throws IOException {
    String draft = replacing();
    Files.delete(folder.resolve(draft).resolve("rank_0-new"));
    checkpoints.finishReplacements();
    assertEquals("old", writer());
    checkpoints.removeUnfinished();
    assertEquals("old", writer());
    assertEquals(List.of(NAME), store.list(""));
  }

  @Test
  void a_replacement_that_was_finished_is_left_alone() throws IOException {
    String draft = replacing();
    store.publish(draft, NAME);
    checkpoints.finishReplacements();
    checkpoints.removeUnfinished();
    assertEquals("new", writer());
    assertEquals(List.of(NAME), store.list(""));
  }

  @Test
  void a_rename_that_fails_leaves_the_older_checkpoint_in_its_place() throws IOException {
    String first = store.draft(NAME, "one");
    checkpoints.publish(first, shard(first, "old"));
    assertThrows(IOException.class, () -> store.publish(store.draft(NAME, "lost"), NAME));
    assertEquals("old", writer());
    assertEquals(List.of(NAME), store.list(""));
  }

  @Test
  void a_shard_that_another_node_has_written_to_a_folder_of_its_own_makes_no_checkpoint()
      throws IOException {
    String draft = store.draft(NAME, "one");
    CheckpointManifest manifest = shard(draft, "elsewhere");
    Files.delete(folder.resolve(draft).resolve("rank_0-elsewhere"));
    String line =
        assertThrows(CheckpointException.class, () -> checkpoints.publish(draft, manifest))
            .getMessage();
    assertTrue(line.contains("rank_0-elsewhere: is not there for rank 0"), line);
    assertTrue(line.endsWith("checkpoint_dir has to be one folder for all nodes"), line);
    assertEquals(List.of(), checkpoints.candidates());

    String cut = store.draft(NAME, "two");
    CheckpointManifest whole = shard(cut, "cut");
    Files.write(folder.resolve(cut).resolve("rank_0-cut"), new byte[3]);
    assertThrows(CheckpointException.class, () -> checkpoints.publish(cut, whole));
    assertEquals(List.of(), checkpoints.candidates());
  }

  @Test
  void a_latest_that_is_a_folder_is_no_hint() throws IOException {
    String first = store.draft(NAME, "one");
    checkpoints.publish(first, shard(first, "old"));
    Files.createDirectories(folder.resolve("latest/x"));
    assertEquals(List.of(STEP), checkpoints.candidates());
    String line = assertThrows(IOException.class, () -> checkpoints.pointTo(STEP)).getMessage();
    assertTrue(line.contains(folder.resolve("latest") + " is a folder: "), line);
    assertEquals(List.of(NAME, "latest"), store.list(""));
  }

  @Test
  void what_a_dead_writer_left_of_latest_goes() throws IOException {
    Files.writeString(folder.resolve(store.draft("latest", "x")), "global");
    checkpoints.removeUnfinished();
    assertEquals(List.of(), store.list(""));
  }

  private void file(String path) throws IOException {
    Files.createDirectories(folder.resolve(path).getParent());
    Files.writeString(folder.resolve(path), "bytes");
  }

  @Test
  void what_another_program_wrote_under_the_same_names_is_found_and_never_removed()
      throws IOException {
    assertEquals(Optional.empty(), checkpoints.foreign());
    file("global_step2/mp_rank_00_model_states.pt");
    file("global_step9/zero_pp_rank_0_mp_rank_00_optim_states.pt");
    checkpoints.pointTo(9);
    checkpoints.removeUnfinished();
    checkpoints.prune(100, 1, 0);
    assertEquals(List.of("global_step2", "global_step9", "latest"), store.list(""));
    assertEquals(Optional.of("global_step2/mp_rank_00_model_states.pt"), checkpoints.foreign());
    Files.writeString(folder.resolve("latest"), "epoch_3");
    assertEquals(Optional.of("latest, which names epoch_3"), checkpoints.foreign());
  }

  @Test
  void a_folder_that_lost_its_manifest_stays_if_latest_names_it() throws IOException {
    file("global_step7/rank_0-a.safetensors");
    file("global_step8/rank_0-b.safetensors");
    checkpoints.pointTo(8);
    checkpoints.removeUnfinished();
    assertEquals(List.of("global_step8", "latest"), store.list(""));
    assertEquals(Optional.empty(), checkpoints.foreign());
  }

  @Test
  void one_that_cannot_be_removed_does_not_keep_the_older_ones() throws IOException {
    for (long step : new long[] {1, 2, 3}) {
      file(CheckpointFolder.name(step) + "/rank_0-a.safetensors");
    }
    CheckpointFolder stubborn =
        new CheckpointFolder(
            new StoreStub() {
              @Override
              public StoredFile open(String path) throws IOException {
                return store.open(path);
              }

              @Override
              public List<String> list(String path) throws IOException {
                return store.list(path);
              }

              @Override
              public void delete(String path) throws IOException {
                if (path.startsWith("global_step2")) {
                  throw new IOException("not this one");
                }
                store.delete(path);
              }
            });
    assertEquals(
        "not this one",
        assertThrows(IOException.class, () -> stubborn.prune(4, 1, 0)).getMessage());
    assertEquals(List.of("global_step2"), store.list(""));
  }
}
