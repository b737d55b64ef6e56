package io.kiln.spark.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.engine.tensor.Dtype;
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

  @Test
  void bf16_without_its_instructions_is_told() {
    assertTrue(with("avx2 avx512f avx512_vnni").emulatesBf16());
    assertFalse(with("avx2 avx512f avx512_bf16").emulatesBf16());
    assertFalse(with("avx2 avx512f amx_bf16").emulatesBf16());
    String line = RankEnvironment.slowDtype(Dtype.BF16, with("avx2")).orElseThrow();
    assertTrue(line.contains("Some Processor has neither avx512_bf16 nor amx_bf16"), line);
    assertTrue(RankEnvironment.slowDtype(Dtype.FP32, with("avx2")).isEmpty());
    assertTrue(RankEnvironment.slowDtype(Dtype.BF16, with("asimd")).isEmpty());
  }
}
