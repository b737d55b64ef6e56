package io.kiln.engine.train.recovery;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.checkpoint.LocalCheckpointStore;
import io.kiln.engine.checkpoint.Piece;
import io.kiln.engine.tensor.PointerBalance;
import io.kiln.engine.train.recovery.RecoveryRun.Outcome;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the processes of the ranks keep is enough to go on when one of them has died. */
class RedundancyTest {
  @TempDir Path folder;
  private final List<KeptShards> all = new ArrayList<>();

  @AfterEach
  void free() {
    all.forEach(KeptShards::close);
  }

  private KeptShards process() {
    KeptShards made = new KeptShards();
    all.add(made);
    return made;
  }

  private List<KeptShards> processes(int count) {
    return Stream.generate(this::process).limit(count).toList();
  }

  private RecoveryRun run(String name, int ranks, int stage, String dtype) {
    RecoveryRun run = new RecoveryRun(new LocalCheckpointStore(folder.resolve(name)));
    run.ranks = ranks;
    ObjectNode config = RecoveryRun.config(stage, 1);
    if (!dtype.equals("fp32")) {
      config.putObject(dtype).put("enabled", true);
    }
    if (dtype.equals("fp16")) {
      config.withObject("/fp16").put("initial_scale_power", 20).put("hysteresis", 1);
    }
    run.config = config;
    return run;
  }

  @ParameterizedTest
  @CsvSource({"2, 0, fp32", "2, 1, bf16", "2, 2, fp16", "2, 3, fp32", "3, 2, bf16", "4, 3, fp32"})
  void after_the_death_of_any_one_process_not_a_step_is_repeated(
      int ranks, int stage, String dtype) {
    RecoveryRun whole = run("whole", ranks, stage, dtype);
    whole.config.put("train_batch_size", 12);
    whole.steps = 8;
    Outcome never = whole.run().get(0);
    for (int dead = 0; dead < ranks; dead++) {
      // A checkpoint every three steps, and death after the fifth.
      RecoveryRun first = run("dead" + dead, ranks, stage, dtype);
      first.config = whole.config;
      first.steps = 5;
      first.takesLast = false;
      List<KeptShards> before = processes(ranks);
      first.kept = Optional.of(before);
      first.run();

      List<KeptShards> after = new ArrayList<>(before);
      after.set(dead, process());
      // Spark gives the new ranks to executors as it likes.
      Collections.rotate(after, 1);
      RecoveryRun second = run("dead" + dead, ranks, stage, dtype);
      second.config = whole.config;
      second.steps = 8;
      second.attempt = 2;
      second.kept = Optional.of(after);
      Outcome resumed = second.run().get(0);

      assertEquals(5, resumed.begun());
      assertEquals(never.losses().subList(5, 8), resumed.losses());
      never
          .parameters()
          .forEach((name, v) -> assertArrayEquals(v, resumed.parameters().get(name), name));
    }
  }

  /** Processes of a rank each: A, B, …; those that a letter names twice have two ranks. */
  private List<KeptShards> placed(String placement) {
    Map<Character, KeptShards> named = new TreeMap<>();
    return placement
        .chars()
        .mapToObj(name -> named.computeIfAbsent((char) name, fresh -> process()))
        .toList();
  }

  @ParameterizedTest
  @CsvSource({"AABB", "ABAB", "AABC", "AB"})
  void after_the_death_of_a_process_with_several_ranks_not_a_step_is_repeated(String placement) {
    int ranks = placement.length();
    for (char dead : new TreeSet<>(List.of('A', 'B'))) {
      RecoveryRun first = run(placement + dead, ranks, 2, "fp32");
      first.steps = 5;
      first.takesLast = false;
      List<KeptShards> before = placed(placement);
      first.kept = Optional.of(before);
      for (Outcome rank : first.run()) {
        assertEquals(List.of(), rank.remarks());
      }

      KeptShards fresh = process();
      List<KeptShards> after = new ArrayList<>(before);
      after.replaceAll(kept -> kept == before.get(placement.indexOf(dead)) ? fresh : kept);
      RecoveryRun second = run(placement + dead, ranks, 2, "fp32");
      second.attempt = 2;
      second.kept = Optional.of(after);
      assertEquals(5, second.run().get(0).begun(), "without " + dead);
    }
  }

  @Test
  void where_one_process_has_most_of_the_ranks_a_remark_says_what_its_death_costs() {
    for (String placement : List.of("AAB", "AAA")) {
      RecoveryRun run = run(placement, 3, 2, "fp32");
      run.config.put("train_batch_size", 12);
      run.steps = 3;
      run.kept = Optional.of(placed(placement));
      List<Outcome> ranks = run.run();
      String line = ranks.get(0).remarks().get(0);
      String stuck = placement.equals("AAB") ? "1 of 3 ranks" : "3 of 3 ranks";
      assertTrue(line.startsWith("redundancy: " + stuck), line);
      assertEquals(1, ranks.get(0).remarks().size());
      assertEquals(List.of(), ranks.get(1).remarks());
    }
  }

  @Test
  void what_is_received_into_is_freed_only_afterwards() {
    PointerBalance.assertKept(
        () -> {
          KeptShards kept = new KeptShards();
          try (PointerScope scope = new PointerScope()) {
            Piece run = new Piece("p", 0, 8, Map.of());
            Snapshot snapshot = new Snapshot(List.of(run), List.of("master"), 16);
            kept.add(1, 2, 0, snapshot);
            assertTrue(
                kept.whileHeld(
                    List.of(snapshot),
                    () -> {
                      // The next attempt lets go of it, and the job ends.
                      kept.dropBefore(2);
                      kept.close();
                      assertEquals(64, snapshot.bytes());
                      assertEquals(64, kept.bytes());
                    }));
            assertEquals(0, kept.bytes());
            assertFalse(kept.whileHeld(List.of(snapshot), () -> fail("it is gone")));
          }
        });
  }

  @Test
  void when_a_rank_and_its_neighbour_die_together_the_checkpoint_is_taken() {
    RecoveryRun first = run("two", 3, 2, "fp32");
    first.config.put("train_batch_size", 12);
    first.steps = 5;
    first.takesLast = false;
    List<KeptShards> before = processes(3);
    first.kept = Optional.of(before);
    first.run();
    RecoveryRun second = run("two", 3, 2, "fp32");
    second.config = first.config;
    second.attempt = 2;
    second.kept = Optional.of(List.of(before.get(0), process(), process()));
    assertEquals(3, second.run().get(0).begun());
  }

  @Test
  void another_number_of_ranks_begins_from_the_checkpoint() {
    RecoveryRun first = run("fewer", 2, 2, "fp32");
    first.steps = 5;
    first.takesLast = false;
    first.kept = Optional.of(processes(2));
    first.run();
    RecoveryRun second = run("fewer", 1, 2, "fp32");
    second.attempt = 2;
    second.kept = Optional.of(List.of(first.kept.get().get(0)));
    assertEquals(3, second.run().get(0).begun());
  }

  @Test
  void a_generation_that_was_being_written_is_not_taken() {
    RecoveryRun first = run("torn", 2, 2, "fp32");
    first.steps = 5;
    first.takesLast = false;
    List<KeptShards> before = processes(2);
    first.kept = Optional.of(before);
    first.run();
    // As if rank 1 had died on its way out of the fifth step.
    for (KeptShards.Kept one : before.get(1).whole(2)) {
      if (one.state().orElseThrow().step() == 5) {
        before.get(1).set(one.snapshot(), Optional.empty());
      }
    }
    RecoveryRun second = run("torn", 2, 2, "fp32");
    second.attempt = 2;
    second.kept = Optional.of(List.of(process(), before.get(1)));
    assertEquals(4, second.run().get(0).begun());
  }

  @Test
  void what_is_kept_is_freed_with_its_holder_and_does_not_grow() {
    PointerBalance.assertKept(
        () -> {
          List<KeptShards> here = List.of(new KeptShards(), new KeptShards());
          long bytes = 0;
          for (int attempt = 1; attempt <= 3; attempt++) {
            RecoveryRun run = run("leak" + attempt + System.nanoTime(), 2, 2, "fp32");
            run.attempt = attempt;
            run.steps = 3 + attempt;
            run.kept = Optional.of(here);
            run.run();
            if (bytes > 0) {
              assertEquals(bytes, here.get(0).bytes());
            }
            bytes = here.get(0).bytes();
          }
          here.forEach(KeptShards::close);
        });
  }
}
