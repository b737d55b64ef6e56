package io.kiln.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.engine.config.ConfigException;
import io.kiln.engine.train.StepReport;
import io.kiln.spark.barrier.RankFailedException;
import io.kiln.spark.barrier.RunListener;
import io.kiln.spark.job.CheckpointSection;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where a run begins, and where its ranks begin when they are started again. */
class ResumeFromTest {
  private static SparkSession session;

  @TempDir Path folder;

  @BeforeAll
  static void start() {
    session =
        SparkSession.builder()
            .master("local[2]")
            .appName("resume")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.shuffle.partitions", "2")
            .getOrCreate();
  }

  @AfterAll
  static void stop() {
    session.stop();
  }

  private static Dataset<Row> texts() {
    return session
        .createDataset(Collections.nCopies(40, "abcabcabcabcabcabcabcabc"), Encoders.STRING())
        .toDF("text")
        .coalesce(2);
  }

  private Trainer.Builder run(String output, long steps) {
    return Trainer.builder()
        .model(
            """
            {"model_type": "gpt2", "n_layer": 1, "n_head": 2, "n_embd": 16, "n_positions": 8,
             "embd_pdrop": 0, "attn_pdrop": 0, "resid_pdrop": 0}
            """)
        .deepspeed(
            """
            {"train_batch_size": 8, "optimizer": {"type": "AdamW", "params": {"lr": 0.02}},
             "zero_optimization": {"stage": 2}}
            """)
        .tokenizer("chars")
        .maxSteps(steps)
        .checkpointInterval(4)
        .outputDirectory(folder.resolve(output).toString());
  }

  /** Hears where ranks begin; its run cannot save its model, so its ranks are started again. */
  private final class Beginnings implements RunListener {
    private final Path output;
    private final List<String> heard = new ArrayList<>();

    Beginnings(String output) {
      this.output = folder.resolve(output);
    }

    @Override
    public void onBeginning() {
      heard.add("step 1");
    }

    @Override
    public void onResume(long step, String where) {
      heard.add(step + " of " + Path.of(where).getParent().getParent().getFileName());
    }

    @Override
    public void onStep(StepReport report) {
      try {
        Files.createDirectories(output.resolve("model.safetensors/in-the-way"));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  @Test
  void ranks_that_start_again_go_on_from_the_run_s_own_checkpoints_wherever_it_began() {
    run("first", 6).build().fit(texts());
    Beginnings beginnings = new Beginnings("second");
    Trainer second =
        run("second", 10)
            .resume(folder.resolve("first/checkpoints/global_step4").toString())
            .listener(beginnings)
            .build();
    assertThrows(RankFailedException.class, () -> second.fit(texts()));
    assertEquals(List.of("4 of first", "10 of second", "10 of second"), beginnings.heard);
  }

  @Test
  void ranks_of_a_run_that_began_anew_on_purpose_go_on_from_its_checkpoints_too() {
    Beginnings beginnings = new Beginnings("anew");
    Trainer anew = run("anew", 6).resume(CheckpointSection.NEVER).listener(beginnings).build();
    assertThrows(RankFailedException.class, () -> anew.fit(texts()));
    assertEquals(List.of("step 1", "6 of anew", "6 of anew"), beginnings.heard);
  }

  @Test
  void a_model_that_is_there_is_not_written_over_by_a_run_that_begins_elsewhere() throws Exception {
    run("first", 6).build().fit(texts());
    run("other", 6).build().fit(texts());
    byte[] model = Files.readAllBytes(folder.resolve("other/model.safetensors"));
    Trainer elsewhere =
        run("other", 8)
            .checkpointDirectory(folder.resolve("new").toString())
            .resume(folder.resolve("first/checkpoints").toString())
            .build();
    ConfigException refused = assertThrows(ConfigException.class, () -> elsewhere.fit(texts()));
    assertTrue(refused.getMessage().contains("exists"), refused::getMessage);

    // As `kiln checkpoint export` leaves one: a model without a summary.
    Files.delete(folder.resolve("other/summary.json"));
    Trainer over = run("other", 8).checkpointDirectory(folder.resolve("new").toString()).build();
    assertThrows(ConfigException.class, () -> over.fit(texts()));
    org.junit.jupiter.api.Assertions.assertArrayEquals(
        model, Files.readAllBytes(folder.resolve("other/model.safetensors")));
  }

  @Test
  void a_run_that_is_refused_leaves_what_is_there_as_it_was() throws Exception {
    run("first", 6).build().fit(texts());
    String config = Files.readString(folder.resolve("first/config.json"));
    String summary = Files.readString(folder.resolve("first/summary.json"));
    Trainer wider =
        run("first", 8)
            .model(
                """
                {"model_type": "gpt2", "n_layer": 1, "n_head": 2, "n_embd": 32, "n_positions": 8}
                """)
            .build();
    RuntimeException other = assertThrows(RuntimeException.class, () -> wider.fit(texts()));
    assertTrue(other.getMessage().contains("is of another model"), other::getMessage);
    Trainer shorter = run("first", 2).build();
    RuntimeException late = assertThrows(RuntimeException.class, () -> shorter.fit(texts()));
    assertTrue(late.getMessage().contains("max_steps"), late::getMessage);
    assertEquals(config, Files.readString(folder.resolve("first/config.json")));
    assertEquals(summary, Files.readString(folder.resolve("first/summary.json")));
  }

  @Test
  void a_refused_job_leaves_the_description_of_a_run_that_has_no_model_yet() throws Exception {
    assertThrows(
        RuntimeException.class,
        () -> run("first", 6).listener(new Beginnings("first")).build().fit(texts()));
    Files.delete(folder.resolve("first/model.safetensors/in-the-way"));
    Files.delete(folder.resolve("first/model.safetensors"));
    String config = Files.readString(folder.resolve("first/config.json"));
    Trainer heads =
        run("first", 8)
            .model(
                """
                {"model_type": "gpt2", "n_layer": 1, "n_head": 4, "n_embd": 16, "n_positions": 8}
                """)
            .build();
    RuntimeException other = assertThrows(RuntimeException.class, () -> heads.fit(texts()));
    assertTrue(
        other.getMessage().contains("model.n_head 2, this one has 4: give it the same"),
        other::getMessage);
    assertEquals(config, Files.readString(folder.resolve("first/config.json")));
  }

  @Test
  void a_run_that_began_elsewhere_is_given_again_and_goes_on_from_its_own() {
    run("first", 6).build().fit(texts());
    String named = folder.resolve("first/checkpoints/global_step4").toString();
    run("second", 8).resume(named).build().fit(texts());
    Beginnings again = new Beginnings("second");
    run("second", 10).resume(named).listener(again).build().fit(texts());
    assertEquals(List.of("8 of second"), again.heard);
  }
}
