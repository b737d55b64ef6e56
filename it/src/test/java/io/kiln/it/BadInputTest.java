package io.kiln.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Input that cannot be used: one line, exit status 2, nothing left behind. */
class BadInputTest {
  @TempDir Path folder;

  private KilnRun refused(String... sets) throws Exception {
    TinyJob job = TinyJob.in(folder);
    Files.writeString(folder.resolve("null.json"), "{\"text\": \"abc\"}\n{\"text\": null}\n");
    Files.writeString(folder.resolve("short.txt"), "abc");
    Files.writeString(folder.resolve("empty.txt"), "");
    String[] arguments = new String[2 + 2 * sets.length];
    arguments[0] = "train";
    arguments[1] = job.file().toString();
    for (int i = 0; i < sets.length; i++) {
      arguments[2 + 2 * i] = "--set";
      arguments[3 + 2 * i] = sets[i];
    }
    try (KilnRun run = KilnRun.ended(folder, arguments)) {
      assertEquals(2, run.status(), run.said());
      assertEquals(1, run.err().lines().count(), run.err());
      assertTrue(run.err().startsWith("kiln: "), run.err());
      assertFalse(Files.exists(job.output()), "left " + job.output());
      return run;
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "training.max_step=3 | did you mean \"max_steps\"",
        "spark.ranks=5 | 5 ranks need 5 slots of 1 core, local-cluster[2,1,1024] offers 2",
        "data.path=absent.txt | absent.txt",
        "deepspeed.train_batch_size=7 | train_batch_size 7",
      })
  void what_the_job_file_alone_shows_is_told_without_starting_spark(String set, String line)
      throws Exception {
    String said = refused(set).err();
    assertTrue(said.contains(line), said);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "data.path=short.txt | too short",
        "data.path=empty.txt | empty",
        "data={\"path\":\"null.json\",\"format\":\"json\"} | null",
        "data={\"path\":\"null.json\",\"format\":\"json\",\"text_column\":\"txt\"} | txt",
        "model.vocab_size=3 | is 3, but the tokenizer has 17 tokens",
      })
  void what_only_the_data_shows_is_told_the_same_way(String set, String line) throws Exception {
    String said = refused(set, "spark.master=local[1]").err();
    assertTrue(said.contains(line), said);
  }

  @Test
  void an_output_directory_that_exists_stays_as_it_is() throws Exception {
    TinyJob job = TinyJob.in(folder);
    Path mine = Files.writeString(Files.createDirectory(job.output()).resolve("mine.txt"), "x");
    try (KilnRun run = KilnRun.ended(folder, "train", job.file().toString())) {
      assertEquals(2, run.status(), run.said());
      assertTrue(run.err().contains("exists"), run.err());
    }
    assertTrue(Files.exists(mine));
  }
}
