package io.kiln.engine.train.recovery;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class NeighboursTest {
  /** Every way to spread up to seven ranks over up to four processes. */
  @Test
  void every_shard_has_one_keeper_and_as_many_as_can_be_in_another_process() {
    for (int ranks = 1; ranks <= 7; ranks++) {
      for (int code = 0; code < 1 << 2 * ranks; code++) {
        int ways = code;
        List<String> processes =
            IntStream.range(0, ranks).mapToObj(rank -> "" + (ways >> 2 * rank & 3)).toList();
        Neighbours neighbours = Neighbours.of(processes);
        assertEquals(ranks, new HashSet<>(neighbours.keepers()).size());
        for (int rank = 0; rank < ranks; rank++) {
          assertEquals(rank, neighbours.kept(neighbours.keeper(rank)));
          if (ranks > 1) {
            assertNotEquals(rank, neighbours.keeper(rank), processes::toString);
          }
        }
        int largest =
            processes.stream()
                .mapToInt(one -> Collections.frequency(processes, one))
                .max()
                .orElse(0);
        // Each of the others can keep one for the largest.
        int must = Math.max(0, largest - (ranks - largest));
        assertEquals(must, neighbours.together(processes), processes::toString);
      }
    }
  }

  @Test
  void where_every_rank_has_a_process_the_next_one_keeps() {
    assertEquals(List.of(1, 2, 3, 0), Neighbours.of(List.of("d", "b", "a", "c")).keepers());
  }
}
