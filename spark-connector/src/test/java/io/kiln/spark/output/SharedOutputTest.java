package io.kiln.spark.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.engine.config.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What rank 0 asks of the output directory before it trains. */
class SharedOutputTest {
  private static final Configuration HADOOP = new Configuration(false);

  @TempDir Path folder;

  private OutputDirectory directory() {
    return OutputDirectory.of(folder.toString(), HADOOP);
  }

  private static void require(SharedOutput seen) throws IOException, InterruptedException {
    seen.require("node7", HADOOP, Duration.ZERO);
  }

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }

  @Test
  void the_drivers_folder_is_known_and_nothing_stays_in_it() throws Exception {
    try (OutputToken token = OutputToken.leaveIn(directory())) {
      require(token.seenByRanks());
    }
    assertEquals(List.of(), files());
  }

  @Test
  void a_folder_that_does_not_show_the_drivers_word_is_refused_with_the_host() throws Exception {
    try (OutputToken token = OutputToken.leaveIn(directory())) {
      Files.delete(folder.resolve(OutputToken.NAME));
      ConfigException refused =
          assertThrows(ConfigException.class, () -> require(token.seenByRanks()));
      assertEquals(
          "output_dir: "
              + folder
              + " on node7, where rank 0 would leave the model, is not the driver's folder: name a"
              + " folder that all executors reach, such as hdfs:// or a shared mount",
          refused.getMessage());
    }
  }

  @Test
  void the_word_of_an_earlier_run_is_not_this_ones() throws Exception {
    SharedOutput earlier = OutputToken.leaveIn(directory()).seenByRanks();
    // Its driver was killed; the next run goes on in the same folder.
    try (OutputToken token = OutputToken.leaveIn(directory())) {
      assertThrows(ConfigException.class, () -> require(earlier));
      require(token.seenByRanks());
    }
    assertEquals(List.of(), files());
  }

  @Test
  void a_word_that_shows_late_is_waited_for() throws Exception {
    try (OutputToken token = OutputToken.leaveIn(directory())) {
      Path hidden = folder.resolve("hidden");
      Files.move(folder.resolve(OutputToken.NAME), hidden);
      Thread network =
          new Thread(
              () -> {
                try {
                  Thread.sleep(300);
                  Files.move(hidden, folder.resolve(OutputToken.NAME));
                } catch (IOException | InterruptedException failed) {
                  throw new IllegalStateException(failed);
                }
              });
      network.start();
      token.seenByRanks().require("node7", HADOOP, Duration.ofMinutes(1));
      network.join();
    }
  }

  @Test
  void a_folder_that_takes_no_file_is_refused_before_the_training() throws Exception {
    try (OutputToken token = OutputToken.leaveIn(directory())) {
      // Also for root, who may write everywhere.
      Path inTheWay = folder.resolve(".model.safetensors.unfinished/in-the-way");
      Files.createDirectories(inTheWay);
      IOException refused = assertThrows(IOException.class, () -> require(token.seenByRanks()));
      assertTrue(refused.getMessage().contains(folder.toString()), refused.getMessage());
    }
  }

  @Test
  void a_trainer_whose_folder_nobody_named_is_told_to_name_one() throws Exception {
    OutputDirectory temporary = OutputDirectory.temporary(HADOOP);
    temporary.claim(false);
    try (OutputToken token = OutputToken.leaveIn(temporary)) {
      temporary.delete(OutputToken.NAME);
      String line =
          assertThrows(ConfigException.class, () -> require(token.seenByRanks())).getMessage();
      assertTrue(line.startsWith("a trainer without outputDirectory(…) "), line);
      assertTrue(line.contains("node7"), line);
      assertFalse(line.contains("\n"), line);
    } finally {
      temporary.withdraw();
    }
  }
}
