package io.kiln.spark.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;

import io.kiln.engine.train.recovery.KeptShards;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** How long an executor keeps what its ranks have left. */
class ExecutorShardsTest {
  @AfterEach
  void nothingIsLeft() {
    assertEquals(0, ExecutorShards.kept());
  }

  @Test
  void ranks_that_start_again_find_what_the_ones_before_have_left() {
    KeptShards first = ExecutorShards.use("run", "job");
    ExecutorShards.leave("job", false);
    assertSame(first, ExecutorShards.use("run", "job"));
    ExecutorShards.leave("job", true);
  }

  @Test
  void what_a_rank_still_uses_stays_when_another_has_ended() {
    KeptShards first = ExecutorShards.use("run", "job");
    ExecutorShards.use("run", "job");
    ExecutorShards.leave("job", true);
    assertEquals(1, ExecutorShards.kept());
    assertSame(first, ExecutorShards.use("run", "job"));
    ExecutorShards.leave("job", true);
    ExecutorShards.leave("job", true);
  }

  @Test
  void another_number_of_ranks_lets_go_of_what_the_last_one_kept_and_of_nothing_else() {
    KeptShards other = ExecutorShards.use("other run", "job 0");
    KeptShards two = ExecutorShards.use("run", "job 1");
    ExecutorShards.leave("job 1", false);
    assertNotSame(two, ExecutorShards.use("run", "job 2"));
    assertEquals(2, ExecutorShards.kept());
    assertSame(other, ExecutorShards.use("other run", "job 0"));
    ExecutorShards.leave("job 0", true);
    ExecutorShards.leave("job 0", true);
    ExecutorShards.leave("job 2", true);
  }
}
