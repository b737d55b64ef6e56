package io.kiln.spark.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointManifest;
import io.kiln.engine.config.ConfigException;
import io.kiln.spark.job.CheckpointSection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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

  private final List<String> remarks = new ArrayList<>();

  @TempDir Path folder;

  private CheckpointPlan plan(Optional<String> directory, String resume) {
    return CheckpointPlan.of(
        new CheckpointSection(
            directory, OptionalLong.of(5), OptionalDouble.empty(), resume, 2, 0, 3),
        OUTPUT,
        hadoop);
  }

  /** A folder with a checkpoint of each of these steps. */
  private String checkpoints(String name, long... steps) throws Exception {
    Files.createDirectories(folder.resolve(name));
    for (long step : steps) {
      take(plan(Optional.empty(), "never"), name, step);
    }
    return folder.resolve(name).toString();
  }

  /** What a run of such a plan leaves. */
  private void take(CheckpointPlan plan, String name, long step) throws Exception {
    Path one = Files.createDirectories(folder.resolve(name).resolve(CheckpointFolder.name(step)));
    ObjectNode content = JsonNodeFactory.instance.objectNode();
    plan.tell(content);
    Files.write(
        one.resolve(CheckpointManifest.FILE),
        new CheckpointManifest(step, content, List.of()).toBytes());
  }

  private CheckpointPlan looked(String own, String resume) {
    return plan(Optional.of(own), resume).look(hadoop, remarks::add);
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
          assertThrows(
              ConfigException.class,
              () -> plan(Optional.of(path), resume).look(hadoop, remarks::add));
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
    CheckpointPlan plan =
        plan(Optional.of(own), "file://" + own + "/global_step10").look(hadoop, remarks::add);
    assertTrue(plan.isBegun());
    assertEquals(10, plan.seen());
    ConfigException refused =
        assertThrows(
            ConfigException.class,
            () -> plan(Optional.of(own), own + "/global_step5").look(hadoop, remarks::add));
    assertTrue(refused.getMessage().contains("is not the newest"), refused::getMessage);
  }

  @Test
  void a_run_that_goes_on_needs_steps_to_take() throws Exception {
    CheckpointPlan plan =
        plan(Optional.of(checkpoints("own", 5, 10)), "auto").look(hadoop, remarks::add);
    plan.requireBefore(10, hadoop);
    ConfigException refused =
        assertThrows(ConfigException.class, () -> plan.requireBefore(9, hadoop));
    assertTrue(refused.getMessage().contains("after step 10"), refused::getMessage);
    CheckpointPlan anew = plan(Optional.of(checkpoints("none")), "auto").look(hadoop, remarks::add);
    anew.requireBefore(1, hadoop);
    assertFalse(anew.isBegun());
  }

  @Test
  void a_run_that_began_from_a_named_checkpoint_goes_on_from_its_own_when_it_is_given_again()
      throws Exception {
    String named = checkpoints("first", 5) + "/global_step5";
    String own = checkpoints("second");
    CheckpointPlan begins = looked(own, named);
    assertFalse(begins.isBegun());
    assertEquals(OptionalLong.of(5), begins.only());
    assertEquals(List.of(), remarks);
    take(begins, "second", 10);

    // However the path is written, and though the first one's are gone.
    Files.delete(folder.resolve("first/global_step5/manifest.json"));
    CheckpointPlan again = looked(own, "file://" + named + "/");
    assertTrue(again.isBegun());
    assertEquals(Optional.of("file:" + own), again.begin());
    assertEquals(OptionalLong.empty(), again.only());
    assertEquals(10, again.seen());
    assertEquals(
        List.of(
            "file:%s holds what this run has taken since it began from file:%s: it goes on from"
                    .formatted(own, named)
                + " there, after step 10"),
        remarks);
  }

  @Test
  void a_run_remembers_where_it_began_whoever_went_on_with_it() throws Exception {
    String named = checkpoints("first", 5);
    String own = checkpoints("second");
    take(looked(own, named), "second", 10);
    take(looked(own, "auto"), "second", 15);
    assertEquals(List.of(), remarks);
    assertEquals(15, looked(own, named).seen());
    // A newest one that is damaged does not forget it.
    Files.writeString(folder.resolve("second/global_step15/manifest.json"), "{}");
    assertTrue(looked(own, named).isBegun());
  }

  @Test
  void checkpoints_of_a_run_that_began_elsewhere_are_refused_with_the_way_to_go_on_with_them()
      throws Exception {
    String named = checkpoints("first", 5);
    String own = checkpoints("second");
    take(looked(own, named), "second", 10);
    for (String other : List.of(checkpoints("third", 5), named + "/global_step5", "never")) {
      ConfigException refused = assertThrows(ConfigException.class, () -> looked(own, other));
      assertEquals(
          "training.checkpoint_dir: file:"
              + own
              + " holds checkpoints of another run (the newest: global_step10): name another"
              + " directory, or go on with them (training.resume=auto)",
          refused.getMessage());
    }
  }

  @Test
  void its_own_newest_may_be_named_and_the_same_job_given_again_later() throws Exception {
    String own = checkpoints("own", 5);
    CheckpointPlan plan = looked(own, own + "/global_step5");
    assertTrue(plan.isBegun());
    take(plan, "own", 10);
    assertEquals(10, looked(own, own + "/global_step5").seen());
    assertEquals(1, remarks.size());
  }

  @Test
  void a_damaged_newest_checkpoint_does_not_count_where_fewer_steps_are_wanted() throws Exception {
    String own = checkpoints("own", 5, 10);
    CheckpointPlan plan = looked(own, "auto");
    assertThrows(ConfigException.class, () -> plan.requireBefore(7, hadoop));
    Files.writeString(folder.resolve("own/global_step10/manifest.json"), "{}");
    plan.requireBefore(7, hadoop);
    ConfigException refused =
        assertThrows(ConfigException.class, () -> plan.requireBefore(4, hadoop));
    assertTrue(refused.getMessage().contains("after step 5"), refused::getMessage);
  }
}
