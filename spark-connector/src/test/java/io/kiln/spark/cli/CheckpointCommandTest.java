package io.kiln.spark.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.spark.TrainedModel;
import io.kiln.spark.checkpoint.CheckpointedRun;
import io.kiln.spark.inference.Generation;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class CheckpointCommandTest {
  @TempDir static Path trained;
  @TempDir Path folder;

  private record Told(int status, String out, String err) {
    List<String> errors() {
      return err.lines().toList();
    }
  }

  private static Told kiln(Object... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine command = Kiln.commandLine();
    command.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
    return new Told(
        command.execute(Arrays.stream(arguments).map(Object::toString).toArray(String[]::new)),
        out.toString(),
        err.toString());
  }

  /** Checkpoints of the steps 2 and 4, by two ranks. */
  @BeforeAll
  static void train() throws Exception {
    new CheckpointedRun(CheckpointedRun.GPT2, 2, 3, "fp16").into(trained.resolve("run"));
  }

  /** Every test has its own, to damage. */
  @BeforeEach
  void copy() throws IOException {
    try (Stream<Path> files = Files.walk(trained.resolve("run"))) {
      for (Path file : files.toList()) {
        Files.copy(file, folder.resolve("run").resolve(trained.resolve("run").relativize(file)));
      }
    }
  }

  private Path run() {
    return folder.resolve("run");
  }

  private Path shard(long step, int rank) throws IOException {
    try (Stream<Path> files = Files.list(run().resolve("global_step" + step))) {
      return files
          .filter(file -> file.getFileName().toString().startsWith("rank_" + rank))
          .findFirst()
          .orElseThrow();
    }
  }

  private static void flip(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 7] ^= 1;
    Files.write(file, bytes);
  }

  @Test
  void every_command_has_help_with_its_exit_status() {
    for (String name : List.of("inspect", "verify", "export")) {
      Told told = kiln("checkpoint", name, "--help");
      assertEquals(0, told.status());
      assertTrue(told.out().startsWith("Usage: kiln checkpoint " + name), told.out());
      assertTrue(told.out().contains("Exit status: 0"), told.out());
    }
    assertTrue(kiln("checkpoint", "--help").out().contains("Examples:"));
    assertEquals(2, kiln("checkpoint").status());
  }

  @Test
  void inspect_lists_all_and_tells_of_the_newest() throws IOException {
    Told told = kiln("checkpoint", "inspect", run());
    assertEquals(0, told.status(), told.err());
    List<String> lines = told.out().lines().toList();
    assertEquals(run() + ": 2 checkpoints, latest names global_step4", lines.get(0));
    assertTrue(lines.get(2).matches("  global_step4 .* 2 +3 +fp16 +whole"), told.out());
    assertTrue(lines.get(3).matches("  global_step2 .* 2 +3 +fp16 +whole"), told.out());
    assertTrue(told.out().contains(run() + "/global_step4\n"), told.out());
    assertTrue(told.out().contains("\n  samples     24\n"), told.out());
    // 256 x 32 tokens, 16 x 32 positions, two blocks of 12 x 32² + 13 x 32, a norm of 2 x 32.
    int parameters = 256 * 32 + 16 * 32 + 2 * (12 * 32 * 32 + 13 * 32) + 2 * 32;
    assertTrue(
        told.out()
            .contains("\n  model       gpt2, %,d parameters in 28 tensors\n".formatted(parameters)),
        told.out());
    assertTrue(
        told.out().contains("\n  optimizer   AdamW, keeps exp_avg, exp_avg_sq\n"), told.out());
    assertTrue(told.out().contains("\n  loss scale  65,536, for 4 steps"), told.out());
    assertTrue(told.out().contains(shard(4, 1).getFileName().toString()), told.out());
  }

  @Test
  void inspect_says_what_is_not_whole_and_tells_of_what_is() throws IOException {
    Files.delete(shard(4, 1));
    Files.createDirectories(run().resolve("global_step6"));
    Told told = kiln("checkpoint", "inspect", run());
    assertEquals(0, told.status(), told.err());
    List<String> lines = told.out().lines().toList();
    assertTrue(lines.get(2).contains("global_step6"), told.out());
    assertTrue(lines.get(2).contains("not whole"), told.out());
    assertTrue(lines.get(3).contains("not whole") && lines.get(3).contains("rank_1"), told.out());
    assertTrue(told.out().contains(run() + "/global_step2\n"), told.out());

    Told one = kiln("checkpoint", "inspect", run().resolve("global_step4"));
    assertEquals(1, one.status());
    assertEquals(1, one.errors().size());
    assertTrue(one.err().contains("is missing"), one.err());
  }

  @Test
  void json_is_the_manifest() throws IOException {
    assertEquals(
        Files.readString(run().resolve("global_step4/manifest.json")),
        kiln("checkpoint", "inspect", run(), "--json").out());
    assertEquals(
        Files.readString(run().resolve("global_step2/manifest.json")),
        kiln("checkpoint", "inspect", "--json", run().resolve("global_step2/")).out());
  }

  @Test
  void verify_reads_the_newest_or_the_named_or_all() throws IOException {
    Told newest = kiln("checkpoint", "verify", run());
    assertEquals(0, newest.status(), newest.err());
    assertEquals("", newest.err());
    assertEquals(2, newest.out().lines().filter(l -> l.endsWith("  whole")).count());
    assertFalse(newest.out().contains("global_step2"), newest.out());

    flip(shard(2, 0));
    assertEquals(0, kiln("checkpoint", "verify", run()).status());
    assertEquals(1, kiln("checkpoint", "verify", run(), "--all").status());
    assertEquals(1, kiln("checkpoint", "verify", run().resolve("global_step2")).status());
    assertEquals(0, kiln("checkpoint", "verify", run().resolve("global_step4")).status());
  }

  @Test
  void verify_names_every_file_that_is_not_whole_and_where_a_run_would_resume() throws IOException {
    flip(shard(4, 0));
    Files.delete(shard(4, 1));
    Told told = kiln("checkpoint", "verify", run());
    assertEquals(1, told.status());
    assertEquals(2, told.errors().size(), told.err());
    assertTrue(told.errors().get(0).startsWith("kiln: " + run() + "/global_step4/rank_0"));
    assertTrue(told.errors().get(0).contains("is damaged"));
    assertTrue(told.errors().get(1).contains("is missing"));
    assertTrue(
        told.out()
            .contains(
                "latest names global_step4, the newest whole checkpoint is global_step2, where"),
        told.out());
  }

  @Test
  void verify_tells_a_lost_manifest_from_a_write_that_never_ended() throws IOException {
    Files.createDirectories(run().resolve("global_step6"));
    Told unfinished = kiln("checkpoint", "verify", run());
    assertEquals(0, unfinished.status(), unfinished.err());
    assertTrue(unfinished.out().startsWith("global_step6: has no manifest.json"));
    assertFalse(unfinished.out().contains("note:"), unfinished.out());

    Files.delete(run().resolve("global_step4/manifest.json"));
    Told lost = kiln("checkpoint", "verify", run());
    assertEquals(1, lost.status());
    assertTrue(lost.err().contains("global_step4/manifest.json: is missing"), lost.err());

    Files.delete(run().resolve("latest"));
    Told told = kiln("checkpoint", "verify", run());
    assertEquals(0, told.status());
    assertTrue(told.out().contains("note: there is no latest"), told.out());
  }

  @Test
  void what_is_not_there_ends_with_status_2_and_one_line() throws IOException {
    Path empty = Files.createDirectories(folder.resolve("empty"));
    Path other = Files.createDirectories(folder.resolve("other"));
    Path file = Files.writeString(other.resolve("file"), "x");
    Path unfinished = folder.resolve("unfinished");
    Files.createDirectories(unfinished.resolve("global_step6"));
    Map<String, String> lines =
        Map.of(
            folder.resolve("absent").toString(),
            "there is nothing at ",
            empty.toString(),
            "there is nothing at ",
            other.toString(),
            "there is no checkpoint in ",
            file.toString(),
            "is a file",
            run().resolve("global_step3").toString(),
            "beside it there are global_step4, global_s",
            "nosuch://host/run",
            "nosuch");
    for (String name : List.of("inspect", "verify", "export")) {
      lines.forEach((path, line) -> assertRefused(name, path, line));
    }
    for (String name : List.of("verify", "export")) {
      assertRefused(name, unfinished.toString(), "global_step6 has no manifest.json");
    }
    assertFalse(Files.exists(folder.resolve("out")));
  }

  private void assertRefused(String name, String path, String line) {
    Told told =
        name.equals("export")
            ? kiln("checkpoint", name, path, "--output", folder.resolve("out"))
            : kiln("checkpoint", name, path);
    assertEquals(2, told.status(), () -> name + " " + path + ": " + told.err());
    assertEquals(1, told.errors().size(), told.err());
    assertTrue(told.err().contains(line), told.err());
  }

  @Test
  void a_path_may_be_relative_or_carry_a_scheme() throws IOException {
    Path here = Path.of("").toAbsolutePath();
    for (String path :
        List.of(
            here.relativize(run()).toString(),
            here.relativize(run().resolve("global_step4")).toString(),
            here.relativize(run().resolve("global_step4")) + "/",
            here.relativize(run().resolve("global_step2")) + "/..",
            here.relativize(run().resolve("global_step4")) + "/x/..",
            run().toUri().toString())) {
      Told told = kiln("checkpoint", "inspect", path);
      assertEquals(0, told.status(), told.err());
      assertTrue(told.out().contains(run() + "/global_step4\n"), told.out());
    }
    // Here there is none, and its name is not known before Hadoop is asked.
    Told none = kiln("checkpoint", "inspect", ".");
    assertTrue(none.err().contains("there is no checkpoint in " + here + ":"), none.err());
  }

  @Test
  void settings_of_the_file_system_are_taken_as_a_job_has_them() {
    Told told =
        kiln("checkpoint", "inspect", "run", "--conf", "spark.hadoop.fs.defaultFS=nosuch://x/");
    assertEquals(2, told.status());
    assertTrue(told.err().contains("nosuch"), told.err());
    for (String wrong : List.of("fs.s3a.endpoint=x", "spark.hadoop.fs.s3a.endpoint")) {
      Told refused = kiln("checkpoint", "inspect", run(), "--conf", wrong);
      assertEquals(2, refused.status());
      assertTrue(refused.err().contains("must have the form spark.hadoop.name=value"));
    }
  }

  @Test
  void export_makes_a_model_that_spark_loads() throws IOException {
    Path output = folder.resolve("model");
    Told told = kiln("checkpoint", "export", run(), "--output", output, "--dtype", "bf16");
    assertEquals(0, told.status(), told.err());
    assertTrue(
        told.out()
            .matches(
                "\\S+model: gpt2 of [\\d,]+ parameters after step 4, in bf16: config.json,"
                    + " kiln_columns.json, kiln_tokenizer.json, model.safetensors\n"),
        told.out());
    try (SparkSession session =
        SparkSession.builder()
            .master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "127.0.0.1")
            .getOrCreate()) {
      TrainedModel model = TrainedModel.load(session, output.toString());
      assertEquals("words", model.textColumn());
      String continued =
          model
              .generating(Generation.greedy(3))
              .transform(session.createDataset(List.of("abc"), Encoders.STRING()).toDF("words"))
              .first()
              .getAs(TrainedModel.GENERATED_TEXT);
      assertFalse(continued.isEmpty());
    }
    Told again = kiln("checkpoint", "export", run(), "--output", output);
    assertEquals(2, again.status());
    assertTrue(again.err().startsWith("kiln: --output: "), again.err());
    assertTrue(again.err().contains("exists: name another or remove it"), again.err());
  }

  @Test
  void export_of_what_is_damaged_ends_with_status_1_and_leaves_nothing() throws IOException {
    flip(shard(4, 1));
    Path output = folder.resolve("model");
    Told told = kiln("checkpoint", "export", run(), "--output", output);
    // The byte belongs to optimizer state or to a weight, in the same chunk: all of it is checked.
    assertEquals(1, told.status());
    assertEquals(1, told.errors().size(), told.err());
    assertFalse(Files.exists(output));
    assertEquals(
        0,
        kiln("checkpoint", "export", run().resolve("global_step2"), "--output", output).status());
  }
}
