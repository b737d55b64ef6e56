package io.kiln.spark.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class ProcessorTest {
  private static Processor with(String flags) {
    return Processor.parse(
        List.of("processor\t: 0", "model name\t: Some Processor", "flags\t\t: fpu " + flags), 2);
  }

  @Test
  void a_kernel_without_the_processors_vectors_is_older() {
    assertTrue(with("avx2 avx512f").kernelIsOlder("Haswell"));
    assertFalse(with("avx2 avx512f").kernelIsOlder("SkylakeX"));
    assertFalse(with("avx2").kernelIsOlder("Haswell"));
    assertTrue(with("avx2").kernelIsOlder("Nehalem"));
  }

  @Test
  void the_name_is_read() {
    assertEquals("Some Processor", with("avx2").name());
    assertEquals("AVX2", with("avx2").widestVectors());
  }
}
