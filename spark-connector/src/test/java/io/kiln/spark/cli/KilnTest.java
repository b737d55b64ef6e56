package io.kiln.spark.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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
}
