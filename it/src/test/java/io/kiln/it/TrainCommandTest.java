package io.kiln.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.engine.infer.LoadedModel;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.ModelFamilies;
import io.kiln.engine.tensor.Dtype;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code bin/kiln train} with executors that are processes. */
class TrainCommandTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int SIGTERM_STATUS = 128 + 15;
  private static final Duration LONGEST = Duration.ofMinutes(3);

  @TempDir Path folder;

  @Test
  void a_job_trains_in_two_executor_processes_and_leaves_a_model() throws Exception {
    TinyJob job = TinyJob.in(folder);
    try (KilnRun run = KilnRun.start(folder, "train", job.file().toString())) {
      assertEquals(0, run.await(LONGEST), run.said());
      assertTrue(run.out().contains("step 40/40"), run.out());
      assertTrue(run.out().contains("--- sample, greedy"), run.out());
      assertTrue(run.out().contains("--- sample, temperature 0.8"), run.out());
      assertTrue(run.out().contains("the model is in " + job.output()), run.out());
      assertEquals("", run.err());
    }
    JsonNode summary = JSON.readTree(job.output().resolve("summary.json").toFile());
    assertEquals(2, summary.get("world_size").asInt());
    assertEquals(3, summary.get("zero_stage").asInt());
    assertEquals("fp32", summary.get("dtype").asText());
    assertEquals(40, summary.get("steps").asInt());
    assertEquals(40 * 8 * 16, summary.get("tokens").asInt());
    assertEquals(2, summary.get("ranks").size());
    // A shard each, padded at most to whole vectors: half of fp32's four bytes a parameter.
    long parameters = summary.get("parameters").asLong();
    for (JsonNode rank : summary.get("ranks")) {
      assertEquals(
          2.0 * parameters, rank.get("parameters_bytes").asDouble(), 0.02 * 2 * parameters);
      assertEquals(16 << 20, rank.get("ring_bytes").asInt(), "two ranks of one host");
      assertTrue(rank.get("peak_rss_mb").asLong() > 0);
    }
    List<String> metrics = Files.readAllLines(job.output().resolve("metrics.jsonl"));
    assertEquals(40, metrics.size());
    double first = JSON.readTree(metrics.get(0)).get("loss").asDouble();
    assertEquals(first, summary.get("first_loss").asDouble());
    assertTrue(summary.get("final_train_loss").asDouble() < first / 2, summary.toString());
    assertTrue(summary.get("validation_loss").asDouble() < first / 2, summary.toString());

    JsonNode config = JSON.readTree(job.output().resolve("config.json").toFile());
    try (LoadedModel model =
        LoadedModel.load(
            ModelFamilies.parse("config.json", config, DataSizes.unknown()),
            job.output(),
            Dtype.FP32)) {
      assertEquals("gpt2", model.definition().modelType());
    }
    assertTrue(Files.exists(job.output().resolve("kiln_tokenizer.json")));
    assertTrue(Files.exists(job.output().resolve("logs/driver.log")));
    assertEquals(List.of(), KilnRun.executors(job.output()));
  }

  @Test
  void a_failing_rank_ends_the_job_with_its_own_error_and_leaves_no_process() throws Exception {
    TinyJob job = TinyJob.in(folder);
    try (KilnRun run = KilnRun.start(folder, "train", job.file().toString())) {
      run.awaitThat(
          "the run has claimed its folder",
          () -> Files.exists(job.output().resolve("metrics.jsonl")));
      // Rank 0 is going to find a folder where it wants to write the model.
      Files.createDirectories(job.output().resolve(".model.safetensors.unfinished/in-the-way"));
      assertEquals(1, run.await(LONGEST), run.said());
      assertTrue(run.err().contains("rank 0 on 127.0.0.1"), run.err());
      assertTrue(run.err().contains(".model.safetensors.unfinished"), run.err());
      assertFalse(run.err().contains("\tat "), run.err());
      assertTrue(run.err().contains("logs of the run"), run.err());
    }
    KilnRun.awaitGone("executors gone", () -> KilnRun.executors(job.output()).isEmpty());
  }

  @Test
  void a_run_that_is_stopped_before_it_began_leaves_nothing() throws Exception {
    TinyJob job = TinyJob.in(folder);
    try (KilnRun run = KilnRun.start(folder, "train", job.file().toString())) {
      run.awaitThat("executors", () -> KilnRun.executors(job.output()).size() == 2);
      run.terminate();
      assertEquals(SIGTERM_STATUS, run.await(Duration.ofMinutes(1)), run.said());
      assertEquals(
          "kiln: stopped before the first step; nothing is left of it\n", run.err(), run.said());
    }
    assertFalse(Files.exists(job.output()));
    KilnRun.awaitGone("executors gone", () -> KilnRun.executors(job.output()).isEmpty());
  }

  @Test
  void a_killed_executor_is_replaced_and_a_signal_ends_everything() throws Exception {
    TinyJob job = TinyJob.in(folder);
    try (KilnRun run =
        KilnRun.start(
            folder, "train", job.file().toString(), "--set", "training.max_steps=1000000")) {
      run.awaitThat("the first step", () -> run.out().contains("step 1/"));
      List<ProcessHandle> before = KilnRun.executors(job.output());
      assertEquals(2, before.size());
      before.get(0).destroyForcibly();
      run.awaitThat("a new start", () -> run.out().contains("all ranks start again"));
      run.awaitThat("its first step", () -> run.out().split("step 1/", -1).length > 2);
      run.terminate();
      assertEquals(SIGTERM_STATUS, run.await(Duration.ofMinutes(1)), run.said());
      assertTrue(
          run.err()
              .matches(
                  "kiln: stopped at step \\d+ of 1000000; "
                      + job.output()
                      + " holds config.json, .*metrics.jsonl and no model: remove it .*\\n"),
          run.err());
    }
    // Whole lines only: what was told is what can be read.
    for (String line : Files.readAllLines(job.output().resolve("metrics.jsonl"))) {
      assertTrue(JSON.readTree(line).has("loss"), line);
    }
    KilnRun.awaitGone("executors gone", () -> KilnRun.executors(job.output()).isEmpty());
  }
}
