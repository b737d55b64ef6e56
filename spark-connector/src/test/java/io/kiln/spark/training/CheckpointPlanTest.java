package io.kiln.spark.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.config.ConfigException;
import io.kiln.spark.job.CheckpointSection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What ranks are told of where checkpoints lie. */
class CheckpointPlanTest {
  private static final String OUTPUT = "file:/runs/a";
  private final Configuration hadoop = new Configuration(false);

  @TempDir Path folder;

  private CheckpointPlan plan(Optional<String> directory, String resume) {
    return CheckpointPlan.of(
        new CheckpointSection(
            directory, OptionalLong.of(5), OptionalDouble.empty(), resume, 2, 0, 3),
        OUTPUT,
        hadoop);
  }

  /** A folder with a manifest in each of these steps' checkpoints. */
  private String checkpoints(String name, long... steps) throws Exception {
    Path all = folder.resolve(name);
    for (long step : steps) {
      Path one = Files.createDirectories(all.resolve(CheckpointFolder.name(step)));
      Files.writeString(one.resolve("manifest.json"), "{}");
    }
    return all.toString();
  }

  private static String here(String relative) {
    return "file:" + Path.of("").toAbsolutePath().resolve(relative);
  }

  @Test
  void a_relative_path_counts_from_where_the_driver_works() {
    CheckpointPlan plan = plan(Optional.of("relative/ck"), "other/global_step7/");
    assertEquals(Optional.of(here("relative/ck")), plan.target());
    assertEquals(Optional.of(here("other")), plan.begin());
    assertEquals(OptionalLong.of(7), plan.only());
    assertEquals(
        Optional.of("file:" + Path.of("").toAbsolutePath()),
        plan(Optional.empty(), "global_step7").begin());
  }

  @Test
  void a_folder_with_another_program_s_checkpoints_is_refused_before_anything_is_written()
      throws Exception {
    Path theirs = Files.createDirectories(folder.resolve("ds/global_step1000"));
    Files.writeString(theirs.resolve("mp_rank_00_model_states.pt"), "bytes");
    Files.writeString(folder.resolve("ds/latest"), "global_step1000");
    String path = folder.resolve("ds").toString();
    for (String resume : new String[] {"auto", "never"}) {
      ConfigException refused =
          assertThrows(ConfigException.class, () -> plan(Optional.of(path), resume).look(hadoop));
      assertEquals(
          "training.checkpoint_dir: "
              + path
              + " holds another program's checkpoints"
              + " (global_step1000/mp_rank_00_model_states.pt): name a folder of its own",
          refused.getMessage());
    }
  }

  @Test
  void a_run_s_own_checkpoint_may_be_named_however_it_is_written() throws Exception {
    String own = checkpoints("own", 5, 10);
    CheckpointPlan plan = plan(Optional.of(own), "file://" + own + "/global_step10").look(hadoop);
    assertTrue(plan.isBegun());
    assertEquals(10, plan.seen());
    ConfigException refused =
        assertThrows(
            ConfigException.class,
            () -> plan(Optional.of(own), own + "/global_step5").look(hadoop));
    assertTrue(refused.getMessage().contains("is not the newest"), refused::getMessage);
  }

  @Test
  void a_run_that_goes_on_needs_steps_to_take() throws Exception {
    CheckpointPlan plan = plan(Optional.of(checkpoints("own", 5, 10)), "auto").look(hadoop);
    plan.requireBefore(10);
    ConfigException refused = assertThrows(ConfigException.class, () -> plan.requireBefore(9));
    assertTrue(refused.getMessage().contains("after step 10"), refused::getMessage);
    CheckpointPlan anew = plan(Optional.of(checkpoints("none")), "auto").look(hadoop);
    anew.requireBefore(1);
    assertFalse(anew.isBegun());
  }
}
