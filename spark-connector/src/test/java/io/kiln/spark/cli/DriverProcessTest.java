package io.kiln.spark.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.spark.cluster.SparkMaster;
import io.kiln.spark.job.SparkSection;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class DriverProcessTest {
  private static final DriverProcess PROCESS =
      new DriverProcess(Path.of("/home/kiln"), Path.of("/logs"));

  /** Two executors of one core: a local cluster. */
  private static final SparkMaster HERE =
      new SparkMaster.LocalCluster("local-cluster[2,1,1024]", 2, 1, 1024);

  private static final SparkMaster THERE = new SparkMaster.Remote("spark://h:7077");

  private static SparkSection on(SparkMaster master, Map<String, String> conf) {
    return new SparkSection(master, conf, OptionalInt.empty());
  }

  @Test
  void on_this_machine_nothing_wakes_without_need() {
    Map<String, String> settings = PROCESS.settings(on(HERE, Map.of()), Map.of());
    assertEquals("false", settings.get("spark.cleaner.referenceTracking"));
    assertEquals("false", settings.get("spark.ui.enabled"));
    String executor = settings.get("spark.executor.extraJavaOptions");
    assertTrue(executor.contains("-XX:PerfDataSamplingInterval=1000"), executor);
    List<String> driver = PROCESS.javaArguments(on(HERE, Map.of()));
    assertTrue(driver.contains("-XX:PerfDataSamplingInterval=1000"), driver.toString());
  }

  @Test
  void on_this_machine_spark_writes_where_the_next_run_finds_what_a_killed_one_left() {
    assertEquals(
        PROCESS.home().resolve("tmp").toString(),
        PROCESS.settings(on(HERE, Map.of()), Map.of()).get("spark.local.dir"));
    assertFalse(PROCESS.settings(on(THERE, Map.of()), Map.of()).containsKey("spark.local.dir"));
    String temporary = "-Djava.io.tmpdir=" + PROCESS.home().resolve("tmp");
    assertTrue(PROCESS.javaArguments(on(HERE, Map.of())).contains(temporary));
    assertFalse(PROCESS.javaArguments(on(THERE, Map.of())).contains(temporary));
    assertEquals(
        "/fast",
        PROCESS
            .settings(on(HERE, Map.of("spark.local.dir", "/fast")), Map.of())
            .get("spark.local.dir"));
  }

  @Test
  void a_cluster_of_others_keeps_its_own_ways() {
    Map<String, String> settings = PROCESS.settings(on(THERE, Map.of()), Map.of());
    assertFalse(settings.containsKey("spark.cleaner.referenceTracking"));
    assertFalse(settings.containsKey("spark.ui.enabled"));
    // Another JVM may refuse what it does not know.
    assertFalse(settings.get("spark.executor.extraJavaOptions").contains("-XX:"));
  }

  @Test
  void only_executors_of_this_machine_inherit_what_its_shell_says() {
    Map<String, String> shell =
        Map.of("MALLOC_ARENA_MAX", "4", "GLIBC_TUNABLES", "glibc.malloc.hugetlb=2");
    Map<String, String> here = PROCESS.settings(on(HERE, Map.of()), shell);
    assertFalse(here.containsKey("spark.executorEnv.MALLOC_ARENA_MAX"));
    assertFalse(here.containsKey("spark.executorEnv.GLIBC_TUNABLES"));
    Map<String, String> there = PROCESS.settings(on(THERE, Map.of()), shell);
    assertEquals("1", there.get("spark.executorEnv.MALLOC_ARENA_MAX"));
    assertEquals("glibc.malloc.hugetlb=1", there.get("spark.executorEnv.GLIBC_TUNABLES"));
  }

  @Test
  void what_the_job_says_wins() {
    Map<String, String> settings =
        PROCESS.settings(
            on(
                HERE,
                Map.of(
                    "spark.cleaner.referenceTracking",
                    "true",
                    "spark.executor.extraJavaOptions",
                    "-XX:PerfDataSamplingInterval=50")),
            Map.of());
    assertEquals("true", settings.get("spark.cleaner.referenceTracking"));
    String executor = settings.get("spark.executor.extraJavaOptions");
    // A JVM takes the last of two.
    assertTrue(
        executor.lastIndexOf("Interval=50") > executor.lastIndexOf("Interval=1000"), executor);
  }
}
