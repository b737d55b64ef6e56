package io.kiln.engine.config;

import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * A global batch that comes out the same on several numbers of ranks.
 *
 * @param global samples of a step
 * @param ranks numbers of ranks that it can be cut for, ascending; empty where there are none
 */
public record ElasticBatch(int global, List<Integer> ranks) {
  /**
   * The highly composite numbers (more divisors than any smaller one; OEIS A002182) that DeepSpeed
   * searches: a micro-batch times one of them divides among as many numbers of ranks as can be.
   */
  static final List<Integer> HIGHLY_COMPOSITE =
      List.of(
          1, 2, 4, 6, 12, 24, 36, 48, 60, 120, 180, 240, 360, 720, 840, 1260, 1680, 2520, 5040,
          7560, 10080, 15120, 20160, 25200, 27720, 45360, 50400, 55440, 83160, 110880, 166320,
          221760, 277200, 332640, 498960, 554400, 665280, 720720);

  public ElasticBatch {
    ranks = List.copyOf(ranks);
  }

  /** The largest of the numbers that so many slots have room for. */
  public OptionalInt largestUpTo(int slots) {
    return ranks.stream().mapToInt(Integer::intValue).filter(n -> n <= slots).max();
  }

  /** The numbers as a person reads them: {@code 1, 2 or 4}. */
  public String choices() {
    int last = ranks.size() - 1;
    return last < 1
        ? ranks.stream().map(String::valueOf).collect(Collectors.joining())
        : ranks.subList(0, last).stream().map(String::valueOf).collect(Collectors.joining(", "))
            + " or "
            + ranks.get(last);
  }

  /**
   * DeepSpeed's search: each micro-batch, and their least common multiple, times the largest highly
   * composite number that stays within the limit is a candidate; the one that most numbers of ranks
   * can share wins.
   *
   * @param microBatches samples that a rank may compute at a time, none above {@code limit}
   * @param limit most samples of a step
   * @param least fewest ranks
   * @param most most ranks
   * @param preferLarger which of two candidates with equally many numbers wins
   */
  static ElasticBatch search(
      List<Integer> microBatches, int limit, int least, int most, boolean preferLarger) {
    TreeSet<Integer> candidates = new TreeSet<>();
    microBatches.forEach(micro -> candidates.add(scaled(micro, limit)));
    long multiple = leastCommonMultiple(microBatches, limit);
    if (multiple <= limit) {
      candidates.add(scaled((int) multiple, limit));
    }
    // Where no candidate has a valid number, DeepSpeed is left with the smallest micro-batch.
    ElasticBatch best = new ElasticBatch(Collections.min(microBatches), List.of());
    for (int candidate : candidates) {
      List<Integer> numbers = numbers(candidate, microBatches, least, most);
      int more = numbers.size() - best.ranks.size();
      boolean preferred = preferLarger ? candidate > best.global : candidate < best.global;
      if (more > 0 || (more == 0 && preferred)) {
        best = new ElasticBatch(candidate, numbers);
      }
    }
    return best;
  }

  private static int scaled(int base, int limit) {
    int room = limit / base;
    return base * HIGHLY_COMPOSITE.stream().filter(n -> n <= room).max(Integer::compare).orElse(1);
  }

  /** Of all; anything above the limit where it is above the limit. */
  private static long leastCommonMultiple(List<Integer> numbers, int limit) {
    long multiple = 1;
    for (int number : numbers) {
      multiple = multiple / greatestCommonDivisor(multiple, number) * number;
      if (multiple > limit) {
        break;
      }
    }
    return multiple;
  }

  private static long greatestCommonDivisor(long a, long b) {
    return b == 0 ? a : greatestCommonDivisor(b, a % b);
  }

  /** A number is valid if some micro-batch, times a whole accumulation, times it is the batch. */
  private static List<Integer> numbers(int batch, List<Integer> microBatches, int least, int most) {
    TreeSet<Integer> numbers = new TreeSet<>();
    for (int micro : microBatches) {
      if (batch % micro == 0) {
        int pieces = batch / micro;
        for (int n = 1; (long) n * n <= pieces; n++) {
          if (pieces % n == 0) {
            numbers.add(n);
            numbers.add(pieces / n);
          }
        }
      }
    }
    return numbers.stream().filter(n -> n >= least && n <= most).toList();
  }
}
