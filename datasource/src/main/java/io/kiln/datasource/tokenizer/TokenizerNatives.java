package io.kiln.datasource.tokenizer;

import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where DJL takes its native library from: the jar, whatever the processor or GPU of the machine,
 * and unpacked to a place that can be written. Left to itself it downloads another build where it
 * sees a GPU.
 */
final class TokenizerNatives {
  private static final String FLAVOR = "RUST_FLAVOR";
  private static final String CACHE = "ENGINE_CACHE_DIR";

  private TokenizerNatives() {}

  /** What somebody has already set, as environment or property, stays. */
  static void prepare() {
    if (unset(FLAVOR)) {
      System.setProperty(FLAVOR, "cpu");
    }
    Path home = Path.of(System.getProperty("user.home"));
    if (unset(CACHE) && unset("DJL_CACHE_DIR") && !Files.isWritable(home)) {
      Path cache =
          Path.of(
              System.getProperty("java.io.tmpdir"), "kiln-djl-" + System.getProperty("user.name"));
      System.setProperty(CACHE, cache.toString());
    }
  }

  private static boolean unset(String name) {
    return System.getenv(name) == null && System.getProperty(name) == null;
  }
}
