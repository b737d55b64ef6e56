package io.kiln.spark.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class KilnTest {
  private record Told(int status, String out, String err) {}

  private static Told kiln(String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine command = Kiln.commandLine();
    command.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
    return new Told(command.execute(arguments), out.toString(), err.toString());
  }

  @Test
  void every_subcommand_has_help() {
    for (String name : Kiln.commandLine().getSubcommands().keySet()) {
      Told told = kiln(name, "--help");
      assertEquals(0, told.status(), name);
      assertTrue(name.equals("help") || told.out().startsWith("Usage: kiln " + name), told.out());
    }
    assertTrue(kiln("--help").out().contains("train"));
  }

  @Test
  void the_version_is_the_builds() {
    String told = kiln("--version").out().strip();
    assertTrue(told.matches("kiln \\d+\\.\\d+\\.\\d+(-SNAPSHOT)?"), told);
  }

  @Test
  void what_is_no_command_is_told_in_one_line() {
    for (String[] wrong :
        new String[][] {
          {}, {"trian"}, {"train"}, {"train", "x.json", "--sett", "a=b"}, {"bench", "x"}
        }) {
      Told told = kiln(wrong);
      assertEquals(2, told.status(), told.err());
      assertEquals(1, told.err().lines().count(), told.err());
    }
    assertTrue(kiln("trian").err().contains("did you mean \"train\""));
  }

  @Test
  void a_job_that_cannot_be_used_ends_with_status_2_and_no_stack_trace(@TempDir Path folder)
      throws Exception {
    Path job = Files.writeString(folder.resolve("job.json"), "{\"modle\": {}}");
    Told told = kiln("train", job.toString());
    assertEquals(2, told.status());
    assertEquals(1, told.err().lines().count(), told.err());
    assertTrue(kiln("train", job.toString(), "--stacktrace").err().lines().count() > 3);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "data.format=parqet | did you mean \"parquet\"",
        "model.vocab_size=100 | the tokenizer has 256 tokens",
        "data.tokenizer=absent | \"absent\" is neither bytes nor chars nor a directory",
        "data.sequence_length=17 | is 17, the model has 16 positions",
        "deepspeed.optimiser={} | did you mean \"optimizer\"",
        "spark.master=local-cluster[2,1,100] | gives an executor 100 MB",
        "spark.conf.spark.executor.cores=0 | spark.conf.spark.executor.cores: must be at least 1",
        "spark.conf.spark.driver.memory=2000t | no JVM starts here with 2000t",
        "spark.conf.spark.local.dir=/dev/null/nope | spark.conf.spark.local.dir: nothing can be",
        "deepspeed.flops_profiler={\"enabled\":true} | flops_profiler is not supported",
      })
  void a_check_refuses_with_status_2_and_one_line(String set, String line, @TempDir Path folder)
      throws Exception {
    Told told = kiln("train", "--check", job(folder), "--set", set);
    assertEquals(2, told.status(), told.err());
    assertEquals(1, told.err().lines().count(), told.err());
    assertTrue(told.err().contains(line), told.err());
  }

  @Test
  void a_master_that_does_not_answer_is_told_before_anything_is_made(@TempDir Path folder)
      throws Exception {
    int port;
    try (ServerSocket nobodyHere = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      port = nobodyHere.getLocalPort();
    }
    Told told = kiln("train", job(folder), "--set", "spark.master=spark://127.0.0.1:" + port);
    assertEquals(2, told.status(), told.err());
    assertEquals(1, told.err().lines().count(), told.err());
    assertTrue(told.err().contains("spark.master: nobody answers at"), told.err());
    assertFalse(Files.exists(folder.resolve("out")));
  }

  @Test
  void a_check_tells_what_changes_nothing(@TempDir Path folder) throws Exception {
    Told told =
        kiln("train", "--check", job(folder), "--set", "deepspeed.aio={\"block_size\":1048576}");
    assertEquals(0, told.status(), told.err());
    assertTrue(told.out().startsWith("note: deepspeed.aio has no effect in Kiln\n"), told.out());
    assertEquals(2, told.out().lines().count(), told.out());
  }

  private static String job(Path folder) throws IOException {
    Path corpus = Files.writeString(folder.resolve("corpus.txt"), "text");
    return Files.writeString(
            folder.resolve("job.json"),
            """
            {
              "model": {"model_type": "gpt2", "n_layer": 1, "n_head": 1, "n_embd": 8,
                        "n_positions": 16},
              "data": {"path": "%s"},
              "deepspeed": {"train_batch_size": 4},
              "training": {"max_steps": 5},
              "output_dir": "%s"
            }
            """
                .formatted(corpus, folder.resolve("out")))
        .toString();
  }
}
