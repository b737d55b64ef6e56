package io.kiln.spark.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RankEnvironmentTest {
  @Test
  void threads_are_bound_whatever_the_environment_says() {
    Map<String, String> set =
        RankEnvironment.variables(3, Map.of("OMP_NUM_THREADS", "64", "OPENBLAS_NUM_THREADS", "64"));
    assertEquals("3", set.get("OMP_NUM_THREADS"));
    assertEquals("3", set.get("OPENBLAS_NUM_THREADS"));
  }

  @Test
  void gpus_are_counted_as_nvidia_smi_does_whatever_the_environment_says() {
    Map<String, String> settings =
        RankEnvironment.executorSettings(1, Map.of("CUDA_DEVICE_ORDER", "FASTEST_FIRST"));
    assertEquals("PCI_BUS_ID", settings.get("spark.executorEnv.CUDA_DEVICE_ORDER"));
  }

  @Test
  void executors_that_inherit_nothing_are_given_everything() {
    assertEquals(
        RankEnvironment.variables(2, Map.of()).size(),
        RankEnvironment.executorSettings(2, Map.of()).size());
    assertEquals(
        "1",
        RankEnvironment.executorSettings(2, Map.of()).get("spark.executorEnv.MALLOC_ARENA_MAX"));
  }

  @Test
  void what_the_environment_says_of_memory_is_kept() {
    Map<String, String> set =
        RankEnvironment.variables(
            1, Map.of("MALLOC_ARENA_MAX", "4", "GLIBC_TUNABLES", "glibc.malloc.tcache_count=9"));
    assertFalse(set.containsKey("MALLOC_ARENA_MAX"));
    assertEquals("glibc.malloc.tcache_count=9:glibc.malloc.hugetlb=1", set.get("GLIBC_TUNABLES"));
  }

  @Test
  void an_environment_that_kiln_made_has_no_obstacle_of_threads_or_pages() {
    assertEquals(List.of(), RankEnvironment.obstacles(RankEnvironment.variables(2, Map.of()), 2));
  }

  @Test
  void a_foreign_environment_is_told_a_line_for_each_obstacle() {
    Map<String, String> foreign = new HashMap<>(Map.of("OMP_NUM_THREADS", "2"));
    List<String> lines = RankEnvironment.obstacles(foreign, 2);
    assertEquals(2, lines.size(), lines.toString());
    assertTrue(lines.get(0).contains("OPENBLAS_NUM_THREADS=2"), lines.get(0));
    assertFalse(lines.get(0).contains("OMP_NUM_THREADS"), lines.get(0));
    assertTrue(lines.get(1).contains("GLIBC_TUNABLES"), lines.get(1));
  }
}
