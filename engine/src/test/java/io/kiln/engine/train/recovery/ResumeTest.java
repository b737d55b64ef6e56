package io.kiln.engine.train.recovery;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.checkpoint.LocalCheckpointStore;
import io.kiln.engine.tensor.PointerBalance;
import io.kiln.engine.train.recovery.RecoveryRun.Outcome;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Resuming equals never having stopped. */
class ResumeTest {
  @TempDir Path folder;

  private RecoveryRun run(String name) {
    return new RecoveryRun(new LocalCheckpointStore(folder.resolve(name)));
  }

  private static ObjectNode config(int stage, int accumulation, String dtype) {
    ObjectNode config = RecoveryRun.config(stage, accumulation);
    if (!dtype.equals("fp32")) {
      config.putObject(dtype).put("enabled", true);
    }
    if (dtype.equals("fp16")) {
      // 2^20 overflows at first: skipped steps and a scale that moves are part of the state.
      config.withObject("/fp16").put("initial_scale_power", 20).put("hysteresis", 1);
    }
    return config;
  }

  @ParameterizedTest
  @CsvSource({
    "0, fp32, 1", "1, fp32, 1", "2, fp32, 1", "3, fp32, 1",
    "0, bf16, 2", "1, bf16, 2", "2, bf16, 2", "3, bf16, 2",
    "1, fp16, 1", "3, fp16, 1",
  })
  void at_the_same_number_of_ranks_every_bit_is_the_same(
      int stage, String dtype, int accumulation) {
    RecoveryRun whole = run("whole");
    whole.config = config(stage, accumulation, dtype);
    whole.steps = 9;
    Outcome never = whole.run().get(0);

    RecoveryRun first = run("parts");
    first.config = whole.config;
    first.steps = 5;
    first.run();
    RecoveryRun second = run("parts");
    second.config = whole.config;
    second.steps = 9;
    Outcome resumed = second.run().get(0);

    assertEquals(5, resumed.begun());
    assertEquals(never.losses().subList(5, 9), resumed.losses());
    assertEquals(never.steps().get(8).learningRate(), resumed.steps().get(3).learningRate());
    never
        .parameters()
        .forEach((name, values) -> assertArrayEquals(values, resumed.parameters().get(name), name));
  }

  @ParameterizedTest
  @CsvSource({
    "2, 2, 1, 4, 2, 1", "2, 4, 1, 2, 2, 2", "1, 2, 1, 1, 1, 1", "3, 2, 1, 2, 1, 2",
    "1, 2, 2, 2, 2, 1", "3, 4, 1, 1, 0, 4", "0, 1, 2, 4, 3, 1", "2, 2, 1, 3, 2, 1",
  })
  void across_ranks_stages_and_accumulation_the_curve_is_the_same(
      int stage, int ranks, int accumulation, int thenRanks, int thenStage, int thenAccumulation) {
    RecoveryRun whole = run("whole");
    whole.ranks = ranks;
    whole.config = batch(RecoveryRun.config(stage, accumulation), ranks, thenRanks);
    whole.steps = 12;
    Outcome never = whole.run().get(0);

    RecoveryRun first = run("parts");
    first.ranks = ranks;
    first.config = whole.config;
    first.steps = 6;
    first.run();
    RecoveryRun second = run("parts");
    second.ranks = thenRanks;
    second.config = batch(RecoveryRun.config(thenStage, thenAccumulation), ranks, thenRanks);
    second.steps = 12;
    Outcome resumed = second.run().get(0);

    assertEquals(6, resumed.begun());
    for (int i = 0; i < 6; i++) {
      assertEquals(never.losses().get(6 + i), resumed.losses().get(i), 1e-4, "step " + (7 + i));
    }
  }

  @Test
  void a_chain_of_stages_gives_the_curve_of_one() {
    RecoveryRun whole = run("whole");
    whole.config = RecoveryRun.config(3, 1);
    whole.steps = 12;
    Outcome never = whole.run().get(0);

    List<Double> losses = new ArrayList<>();
    int[] stages = {3, 1, 2};
    for (int link = 0; link < stages.length; link++) {
      RecoveryRun part = run("parts");
      part.config = RecoveryRun.config(stages[link], 1);
      part.steps = 4L * (link + 1);
      Outcome outcome = part.run().get(0);
      assertEquals(4L * link, outcome.begun());
      losses.addAll(outcome.losses());
    }
    assertEquals(12, losses.size());
    for (int i = 0; i < 12; i++) {
      assertEquals(never.losses().get(i), losses.get(i), 1e-4, "step " + (i + 1));
    }
  }

  @Test
  void a_checkpoint_is_taken_when_the_minutes_between_two_are_over() {
    RecoveryRun run = run("minutes");
    run.policy =
        new CheckpointPolicy(
            0, Optional.of(Duration.ofMinutes(5)), 9, 0, List.of(), 1, Duration.ofSeconds(60));
    // Two minutes a step, as rank 0 sees it; the other's clock stands still.
    run.minutesAStep = 2;
    run.steps = 10;
    for (Outcome rank : run.run()) {
      // Due five minutes after the last one: every third step; and at the end.
      assertEquals(
          List.of(3L, 6L, 9L, 10L),
          rank.checkpoints().stream().map(CheckpointReport::step).toList());
    }
  }

  /** 12 samples a step where three ranks share them, else the usual 16. */
  private static ObjectNode batch(ObjectNode config, int... ranks) {
    return java.util.Arrays.stream(ranks).anyMatch(n -> n == 3)
        ? config.put("train_batch_size", 12)
        : config;
  }

  @Test
  void a_checkpoint_is_taken_at_every_interval_and_older_ones_go() throws Exception {
    RecoveryRun run = run("run");
    run.steps = 10;
    List<Outcome> ranks = run.run();
    for (Outcome rank : ranks) {
      assertEquals(
          List.of(3L, 6L, 9L, 10L),
          rank.checkpoints().stream().map(CheckpointReport::step).toList());
      assertEquals(List.of(), rank.remarks());
    }
    List<String> left = run.store.list("");
    assertTrue(
        left.containsAll(List.of("global_step10", "global_step9", "latest")), left::toString);
    assertTrue(left.stream().noneMatch(name -> name.startsWith(".")), left::toString);
  }

  @Test
  void checkpoints_and_resuming_leave_no_native_memory() {
    PointerBalance.assertKept(() -> run("native").run());
    RecoveryRun on = run("native");
    on.steps = 8;
    on.run();
    PointerBalance.assertKept(
        () -> {
          RecoveryRun again = run("native");
          again.only = java.util.OptionalLong.of(6);
          again.steps = 7;
          again.run();
        });
  }
}
