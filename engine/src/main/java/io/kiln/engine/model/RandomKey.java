package io.kiln.engine.model;

import java.nio.charset.StandardCharsets;

/**
 * A stream of random bits that is a function of what it was made from and a position, with no
 * state: the same draws in any order, on any rank (counter-based generation, Salmon et al. 2011,
 * with the mixing function of SplitMix64, Steele et al. 2014).
 *
 * @param key identifies the stream
 */
record RandomKey(long key) {
  private static final long GOLDEN_RATIO = 0x9E3779B97F4A7C15L;

  /** The stream of a run's seed. */
  static RandomKey of(long seed) {
    return new RandomKey(mix(seed + GOLDEN_RATIO));
  }

  /** The sub-stream numbered {@code part}. */
  RandomKey with(long part) {
    return new RandomKey(mix(key ^ mix(part * GOLDEN_RATIO + 0x632BE59BD9B4E019L)));
  }

  /** The sub-stream named {@code part}. */
  RandomKey with(String part) {
    RandomKey result = this;
    byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
    for (byte b : bytes) {
      result = result.with(b);
    }
    return result.with(bytes.length);
  }

  /** The 64 bits at a position. */
  long bits(long position) {
    return mix(key + position * GOLDEN_RATIO);
  }

  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
