package io.kiln.spark.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run finds of earlier ones in the same output directory. */
class RunFolderTest {
  @TempDir Path folder;
  private final List<RunFolder> made = new ArrayList<>();
  private Process driver;
  private RunFolder earlier;
  private Path temporary;

  @BeforeEach
  void an_earlier_run() throws IOException {
    driver = new ProcessBuilder("sleep", "600").start();
    earlier = run();
    RunOwner.of(driver.toHandle()).write(owner());
    temporary = earlier.temporary().toRealPath();
    Files.createDirectories(temporary.resolve("blockmgr-1/00"));
    Files.writeString(temporary.resolve("blockmgr-1/00/shuffle"), "bytes");
    Files.writeString(earlier.logs().resolve("driver.log"), "a line");
  }

  @AfterEach
  void end() {
    driver.destroyForcibly();
    made.forEach(RunFolder::removeTemporary);
  }

  private RunFolder run() {
    RunFolder run = RunFolder.create(folder.resolve("out").toString(), folder, true);
    made.add(run);
    return run;
  }

  private Path owner() {
    return earlier.sparkHome().resolve("owner");
  }

  private void kill() throws InterruptedException {
    driver.destroyForcibly().waitFor();
  }

  private void assertLeft() {
    assertTrue(Files.exists(temporary.resolve("blockmgr-1/00/shuffle")));
    assertTrue(Files.exists(earlier.sparkHome()));
  }

  @Test
  void what_a_killed_run_left_is_removed_and_its_logs_stay() throws Exception {
    kill();
    RunFolder next = run();
    assertFalse(Files.exists(temporary));
    assertFalse(Files.exists(earlier.sparkHome()));
    assertEquals("a line", Files.readString(earlier.logs().resolve("driver.log")));
    assertTrue(Files.isDirectory(next.temporary()));
  }

  @Test
  void what_a_run_uses_that_still_runs_stays() {
    run();
    assertLeft();
  }

  @Test
  void another_process_with_the_number_of_a_killed_run_is_not_taken_for_it() throws IOException {
    RunOwner alive = RunOwner.of(driver.toHandle());
    new RunOwner(alive.host(), alive.pid(), alive.started() + "0").write(owner());
    run();
    assertFalse(Files.exists(temporary));
  }

  @Test
  void what_another_machine_or_container_has_left_is_not_judged_from_here() throws Exception {
    RunOwner alive = RunOwner.of(driver.toHandle());
    new RunOwner("another boot", alive.pid(), alive.started()).write(owner());
    kill();
    run();
    assertLeft();
    Files.delete(owner());
    run();
    assertLeft();
  }

  @Test
  void a_run_belongs_to_the_process_that_becomes_its_driver() throws IOException {
    RunOwner parent = RunOwner.of(ProcessHandle.current().parent().orElseThrow());
    RunFolder next = run();
    parent.write(folder.resolve("expected"));
    assertEquals(
        Files.readString(folder.resolve("expected")),
        Files.readString(next.sparkHome().resolve("owner")));
  }
}
