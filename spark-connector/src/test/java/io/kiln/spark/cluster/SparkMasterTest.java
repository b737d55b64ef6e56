package io.kiln.spark.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class SparkMasterTest {
  private static OptionalInt slots(String url, int cpus) {
    return SparkMaster.parse(url).slots(cpus);
  }

  @Test
  void slots_are_counted_executor_by_executor() {
    assertEquals(OptionalInt.of(1), slots("local", 1));
    assertEquals(OptionalInt.of(4), slots("local[4]", 1));
    assertEquals(OptionalInt.of(2), slots("local[4, 3]", 2));
    assertEquals(OptionalInt.of(Runtime.getRuntime().availableProcessors()), slots("local[*]", 1));
    assertEquals(OptionalInt.of(6), slots("local-cluster[2,3,1024]", 1));
    // Three cores hold one rank of two, not one and a half.
    assertEquals(OptionalInt.of(2), slots("local-cluster[2, 3, 1024]", 2));
    assertEquals(OptionalInt.empty(), slots("spark://host:7077", 1));
    assertEquals(OptionalInt.empty(), slots("yarn", 1));
  }

  @Test
  void other_urls_are_refused() {
    for (String url :
        new String[] {"", "locl[2]", "local[x]", "local[0]", "local-cluster[2,1]", "http://x"}) {
      assertThrows(IllegalArgumentException.class, () -> SparkMaster.parse(url), url);
    }
  }
}
