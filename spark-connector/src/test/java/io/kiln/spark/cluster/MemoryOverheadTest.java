package io.kiln.spark.cluster;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.engine.config.ConfigException;
import java.util.OptionalLong;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;

class MemoryOverheadTest {
  private static SparkConf on(String master) {
    return new SparkConf(false).set("spark.master", master).set("spark.executor.memory", "8g");
  }

  @Test
  void sparks_default_is_a_tenth_of_the_heap() {
    // 819 of 8192 MB.
    assertEquals(OptionalLong.of(819L << 20), MemoryOverhead.allowed(on("yarn")));
    assertEquals(
        OptionalLong.of(384L << 20),
        MemoryOverhead.allowed(on("k8s://x").set("spark.executor.memory", "1g")));
    assertEquals(OptionalLong.empty(), MemoryOverhead.allowed(on("spark://x:1")));
  }

  @Test
  void too_little_is_refused_with_the_number_to_set() {
    // 512 MB of libraries, and for each of two ranks twice 100 MB, 50 of samples, 16 of its ring.
    SparkConf conf = on("yarn").set("spark.executor.cores", "2");
    ConfigException refused =
        assertThrows(
            ConfigException.class, () -> MemoryOverhead.require(conf, 100L << 20, 50L << 20));
    assertTrue(refused.getMessage().contains("set it to 1045m"), refused.getMessage());
    assertDoesNotThrow(
        () ->
            MemoryOverhead.require(
                conf.set("spark.executor.memoryOverhead", "1045m"), 100L << 20, 50L << 20));
    assertDoesNotThrow(() -> MemoryOverhead.require(on("local[2]"), Long.MAX_VALUE / 8, 0));
  }
}
