package io.kiln.engine.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class ElasticBatchTest {
  @Test
  void the_table_is_every_number_with_more_divisors_than_any_smaller_one() {
    int limit = 720720;
    int[] divisors = new int[limit + 1];
    for (int d = 1; d <= limit; d++) {
      for (int n = d; n <= limit; n += d) {
        divisors[n]++;
      }
    }
    List<Integer> found = new ArrayList<>();
    int most = 0;
    for (int n = 1; n <= limit; n++) {
      if (divisors[n] > most) {
        most = divisors[n];
        found.add(n);
      }
    }
    assertEquals(found, ElasticBatch.HIGHLY_COMPOSITE);
  }

  @Test
  void every_valid_number_and_no_other_cuts_the_batch_into_whole_micro_batches() {
    List<Integer> micros = List.of(3, 4, 10);
    ElasticBatch batch = ElasticBatch.search(micros, 777, 2, 100, true);
    List<Integer> expected = new ArrayList<>();
    for (int ranks = 2; ranks <= 100; ranks++) {
      for (int micro : micros) {
        if (batch.global() % (ranks * micro) == 0) {
          expected.add(ranks);
          break;
        }
      }
    }
    assertTrue(expected.size() > 10, expected.toString());
    assertEquals(expected, batch.ranks());
    assertTrue(batch.global() <= 777);
  }

  @Test
  void of_equally_good_batches_the_preferred_one_is_taken() {
    // Candidates are 8 = 2 x 4 and 5 = 5 x 1; up to one rank both serve one number.
    assertEquals(8, ElasticBatch.search(List.of(2, 5), 9, 1, 1, true).global());
    assertEquals(5, ElasticBatch.search(List.of(2, 5), 9, 1, 1, false).global());
  }

  @Test
  void the_common_multiple_may_be_the_limit_itself() {
    // 3 x 4 = 12 and 3 x 5 = 15 serve three numbers each.
    assertEquals(
        new ElasticBatch(15, List.of(1, 3, 5)),
        ElasticBatch.search(List.of(3, 5), 15, 1, 100, true));
  }

  @Test
  void micro_batches_whose_multiple_is_beyond_all_numbers_are_searched_singly() {
    List<Integer> primes = List.of(1999, 1997, 1993, 1987, 1979, 1973, 1951);
    assertEquals(1999, ElasticBatch.search(primes, 2000, 1, 10, true).global());
  }

  @Test
  void the_largest_number_that_finds_room() {
    ElasticBatch batch = new ElasticBatch(24, List.of(2, 3, 4, 6));
    assertEquals(OptionalInt.of(4), batch.largestUpTo(5));
    assertEquals(OptionalInt.of(6), batch.largestUpTo(6));
    assertEquals(OptionalInt.of(6), batch.largestUpTo(1000));
    assertEquals(OptionalInt.empty(), batch.largestUpTo(1));
  }
}
