package io.kiln.it.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class RankProcessesTest {
  /** A rank that gathers once; rank 1 may end before with a status. */
  static final class OneGathering {
    private OneGathering() {}

    public static void main(String[] arguments) {
      RankLink link = new RankLink(arguments);
      if (link.rank() == 1 && !arguments[2].equals("stay")) {
        System.exit(Integer.parseInt(arguments[2]));
      }
      link.report(String.join(" ", link.allGather("from " + link.rank())));
    }
  }

  private static List<String> run(String argument) {
    List<String> heard = Collections.synchronizedList(new ArrayList<>());
    try (RankProcesses processes =
        new RankProcesses(OneGathering.class, 2, Map.of(), List.of(argument))) {
      processes.serve((rank, line) -> heard.add(line));
    }
    return heard;
  }

  @Test
  void every_rank_gets_what_all_have_said() {
    assertEquals(List.of("from 0 from 1", "from 0 from 1"), run("stay"));
  }

  @Test
  void a_rank_that_fails_before_it_gathers_ends_the_others_and_is_named() {
    IllegalStateException failed = assertThrows(IllegalStateException.class, () -> run("3"));
    assertEquals("rank 1 ended with status 3", failed.getMessage());
  }

  @Test
  void a_rank_that_leaves_before_it_gathers_is_named() {
    IllegalStateException failed = assertThrows(IllegalStateException.class, () -> run("0"));
    assertEquals("rank 1 ended while rank 0 waited for it", failed.getMessage());
  }

  @Test
  void a_rank_that_does_not_come_is_named_when_the_time_is_over() {
    Gathering gathering = new Gathering(3, Duration.ofMillis(50));
    CompletableFuture<String> first = exchange(gathering, 0);
    CompletableFuture<String> third = exchange(gathering, 2);
    for (CompletableFuture<String> waiting : List.of(first, third)) {
      Throwable cause =
          assertThrows(ExecutionException.class, () -> waiting.get(30, TimeUnit.SECONDS))
              .getCause();
      assertEquals("rank 1 kept the others waiting for 0 s", cause.getMessage());
    }
  }

  private static CompletableFuture<String> exchange(Gathering gathering, int rank) {
    CompletableFuture<String> result = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                result.complete(gathering.exchange(rank, "x"));
              } catch (InterruptedException | RuntimeException failed) {
                result.completeExceptionally(failed);
              }
            });
    thread.setDaemon(true);
    thread.start();
    return result;
  }
}
