package io.kiln.spark.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointManifest;
import io.kiln.spark.job.CheckpointSection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a person is told to do with a job that was stopped. */
class SequelTest {
  @TempDir Path output;

  private String told(OptionalLong interval, String resume) {
    return new Sequel(
            new CheckpointSection(
                Optional.empty(), interval, OptionalDouble.empty(), resume, 2, 0, 3),
            output.toString())
        .told(new Configuration(false));
  }

  private void take(long step) throws Exception {
    Path one =
        Files.createDirectories(output.resolve("checkpoints/" + CheckpointFolder.name(step)));
    Files.writeString(one.resolve(CheckpointManifest.FILE), "{}");
  }

  @Test
  void the_newest_checkpoint_is_named_wherever_the_job_began() throws Exception {
    take(250);
    take(500);
    Files.createDirectories(output.resolve("checkpoints/global_step750"));
    String newest =
        "the same command goes on from the newest checkpoint, global_step500 in "
            + output
            + "/checkpoints";
    assertEquals("; " + newest, told(OptionalLong.of(250), "auto"));
    assertEquals("; " + newest, told(OptionalLong.of(250), "/runs/first/checkpoints"));
    assertEquals(
        "; with --set training.resume=auto " + newest, told(OptionalLong.of(250), "never"));
  }

  @Test
  void nobody_is_told_to_remove_what_checkpoints_may_still_come_into() {
    assertEquals(
        "; the same command goes on from the newest checkpoint (there is none in "
            + output
            + "/checkpoints yet)",
        told(OptionalLong.of(250), "auto"));
  }

  @Test
  void without_checkpoints_a_job_starts_again_elsewhere() {
    assertEquals(
        ": remove it or name another output_dir to start again",
        told(OptionalLong.empty(), "auto"));
  }
}
