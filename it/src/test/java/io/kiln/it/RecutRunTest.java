package io.kiln.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.it.chaos.Curve;
import io.kiln.it.chaos.WatchedRun;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run whose every part has another number of executors and another ZeRO stage. */
class RecutRunTest {
  private static final Duration LONGEST = Duration.ofMinutes(3);
  private static final int PART = 15;

  /** Of a part: its executors and its stage. */
  private record Part(int ranks, int stage) {}

  private static final List<Part> PARTS =
      List.of(new Part(2, 3), new Part(4, 1), new Part(2, 2), new Part(1, 0));

  @TempDir Path folder;

  private static WatchedRun train(Path job, Path output, int steps, Part part) throws Exception {
    List<String> overrides =
        new ArrayList<>(
            List.of(
                "deepspeed.optimizer.params.lr=0.001",
                "deepspeed.zero_optimization.stage=" + part.stage(),
                "spark.master=local-cluster[" + part.ranks() + ",1,1024]",
                "training.checkpoint_interval=10",
                "training.eval_steps=1",
                "training.max_steps=" + steps));
    return WatchedRun.start(KilnRun.ROOT, job, overrides, output, Map.of());
  }

  @Test
  void the_curve_is_that_of_a_run_that_never_changed() throws Exception {
    Path job = TinyJob.in(folder).file();
    Path recut = folder.resolve("recut");
    for (int i = 0; i < PARTS.size(); i++) {
      try (WatchedRun run = train(job, recut, (i + 1) * PART, PARTS.get(i))) {
        run.awaitSuccess(LONGEST);
        OptionalLong begun = i == 0 ? OptionalLong.empty() : OptionalLong.of((long) i * PART);
        assertEquals(begun, run.story().resumedAfter(), run.story().text());
      }
    }
    int steps = PARTS.size() * PART;
    Path whole = folder.resolve("whole");
    try (WatchedRun run = train(job, whole, steps, new Part(2, 2))) {
      run.awaitSuccess(LONGEST);
    }
    Curve curve = Curve.of(recut);
    assertTrue(curve.isWhole(steps));
    double distance = curve.distance(Curve.of(whole));
    System.out.printf(
        "2, 4, 2, 1 executors at stages 3, 1, 2, 0: at most %.2e in %d steps%n", distance, steps);
    assertTrue(distance <= 1e-4, "distance " + distance);
  }
}
