package io.kiln.spark.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.engine.config.ConfigException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SparkSettingsTest {
  @ParameterizedTest
  @CsvSource({
    "spark.executor.memory, banana, a size as Spark writes them",
    "spark.executor.memory, 1.5g, a size as Spark writes them",
    "spark.executor.memory, 449m, at least 450m",
    "spark.executor.memory, -5g, at least 450m",
    "spark.executor.cores, 0, at least 1",
    "spark.executor.cores, two, a whole number",
    "spark.driver.memory, banana, a size as Spark writes them",
    "spark.driver.memory, 2, at least 480m",
    "spark.task.maxFailures, abc, a whole number",
    "spark.task.maxFailures, 0, at least 1",
    "spark.task.cpus, 0, Number of cores to allocate for each task should be positive",
    "spark.network.timeout, soon, a time as Spark writes them",
    "spark.ui.enabled, maybe, true or false",
    "spark.sql.shuffle.partitions, many, a whole number",
    "spark.kiln.collectiveTimeout, abc, a time as Spark writes them",
    "spark.kiln.collectiveTimeout, -5s, at least 1s",
    "spark.kiln.collectiveTimeout, 0, at least 1s",
    "spark.kiln.collectiveTimeOut, 60s, did you mean \"spark.kiln.collectiveTimeout\"?",
  })
  void a_value_that_spark_would_stumble_over_is_told_by_its_key(
      String key, String value, String reason) {
    ConfigException refused =
        assertThrows(ConfigException.class, () -> SparkSettings.require(Map.of(key, value)));
    assertTrue(refused.getMessage().startsWith("spark.conf." + key + ": "), refused.getMessage());
    assertTrue(refused.getMessage().contains(reason), refused.getMessage());
    assertEquals(1, refused.getMessage().lines().count());
  }

  @ParameterizedTest
  @CsvSource({
    "spark.executor.memory, 450m",
    "spark.executor.memory, 2048",
    "spark.executor.memory, 2gb",
    "spark.executor.memory, ${env:EXECUTOR_MEMORY}",
    "spark.executor.cores, 1",
    "spark.driver.memory, 2g",
    "spark.task.maxFailures, 4",
    "spark.network.timeout, 2min",
    "spark.kiln.collectiveTimeout, 10min",
    "spark.task.resource.gpu.amount, 1",
    "spark.some.library.of.others, anything",
  })
  void what_spark_takes_and_what_only_others_know_is_taken(String key, String value) {
    SparkSettings.require(Map.of(key, value));
  }

  @Test
  void a_number_without_a_unit_is_read_as_spark_reads_it() {
    assertEquals(
        Duration.ofSeconds(90),
        SparkSettings.collectiveTimeout(
            new SparkConf(false).set(SparkSettings.COLLECTIVE_TIMEOUT, "90")));
    assertEquals(Duration.ofMinutes(10), SparkSettings.collectiveTimeout(new SparkConf(false)));
    // Megabytes, where java itself would take bytes.
    assertEquals("-Xmx2048m", DriverHeap.of(Map.of("spark.driver.memory", "2048")).option());
    assertEquals("-Xmx2048m", DriverHeap.of(Map.of("spark.driver.memory", "2gb")).option());
    assertEquals("-Xmx1024m", DriverHeap.of(Map.of()).option());
  }

  @Test
  void a_heap_that_no_jvm_starts_with_is_refused() {
    // Two thousand terabytes: beyond what an address of 48 bits can reach.
    DriverHeap heap = DriverHeap.of(Map.of("spark.driver.memory", "2000t"));
    ConfigException refused = assertThrows(ConfigException.class, heap::requireStart);
    assertTrue(
        refused.getMessage().startsWith("spark.conf.spark.driver.memory: no JVM starts here"),
        refused.getMessage());
    assertEquals(1, refused.getMessage().lines().count());
    DriverHeap.of(Map.of("spark.driver.memory", "512m")).requireStart();
  }

  @Test
  void one_local_folder_that_can_be_made_is_enough_and_nothing_of_it_stays(@TempDir Path folder)
      throws Exception {
    Path file = Files.writeString(folder.resolve("file"), "");
    Path below = file.resolve("nope");
    Path possible = folder.resolve("a/b");
    LocalDirectories none = of("spark.local.dir", below.toString()).orElseThrow();
    ConfigException refused = assertThrows(ConfigException.class, none::requireOne);
    assertTrue(
        refused.getMessage().startsWith("spark.conf.spark.local.dir: nothing can be written in "),
        refused.getMessage());
    of("spark.local.dir", below + "," + possible).orElseThrow().requireOne();
    assertFalse(Files.exists(folder.resolve("a")));
  }

  @Test
  void local_folders_that_others_decide_are_not_looked_at() {
    assertEquals(Optional.empty(), of("spark.submit.deployMode", "client"));
    assertEquals(
        Optional.empty(),
        LocalDirectories.of(
            Map.of("spark.local.dir", "/nope"), Map.of("SPARK_LOCAL_DIRS", "/there")));
  }

  private static Optional<LocalDirectories> of(String key, String value) {
    return LocalDirectories.of(Map.of(key, value), Map.of());
  }
}
