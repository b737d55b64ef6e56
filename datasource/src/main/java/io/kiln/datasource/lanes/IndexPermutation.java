package io.kiln.datasource.lanes;

/**
 * A pseudo-random bijection of [0, size), computed for one index at a time: a Feistel network over
 * the smallest even number of bits that holds size, walked until it lands inside (Black and
 * Rogaway, "Ciphers with arbitrary finite domains", 2002). At most four steps of the walk are
 * expected.
 */
final class IndexPermutation {
  private static final int ROUNDS = 6;

  private IndexPermutation() {}

  /** The image of index under the bijection that key names. */
  static long apply(long index, long size, long key) {
    int half = halfBits(size);
    long x = index;
    do {
      x = encrypt(x, half, key);
    } while (x >= size);
    return x;
  }

  private static int halfBits(long size) {
    int bits = 64 - Long.numberOfLeadingZeros(size - 1);
    return Math.max(1, (bits + 1) / 2);
  }

  private static long encrypt(long x, int half, long key) {
    long mask = (1L << half) - 1;
    long left = x >>> half;
    long right = x & mask;
    for (int round = 0; round < ROUNDS; round++) {
      long next = left ^ (mix(right + mix(key + round)) & mask);
      left = right;
      right = next;
    }
    return left << half | right;
  }

  /** The finaliser of SplitMix64 (Steele, Lea and Flood 2014) behind its increment. */
  static long mix(long z) {
    z += 0x9e3779b97f4a7c15L;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }
}
