package io.kiln.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.it.chaos.Curve;
import io.kiln.it.chaos.RunStory;
import io.kiln.it.chaos.WatchedRun;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run goes on with as many ranks as the cluster has room for, on the same curve. */
class ElasticTest {
  private static final Duration LONGEST = Duration.ofMinutes(3);
  private static final int SIGTERM_STATUS = 128 + 15;

  /** Micro-batches of 4 in a batch of 96: any number of ranks that divides 24. */
  private static final List<String> ELASTIC =
      List.of(
          "deepspeed.elasticity={\"enabled\": true, \"max_train_batch_size\": 128,"
              + " \"micro_batch_sizes\": [4], \"min_gpus\": 1, \"max_gpus\": 8, \"version\": 0.1,"
              + " \"ignore_non_elastic_batch_info\": true}",
          "deepspeed.optimizer.params.lr=0.001",
          "training.checkpoint_interval=10",
          "training.stall_timeout=6",
          "training.eval_steps=1");

  @TempDir Path folder;

  @Test
  void a_lost_worker_makes_it_smaller_and_one_that_comes_back_larger_again() throws Exception {
    Path job = TinyJob.in(folder).file();
    Path elastic = folder.resolve("elastic");
    try (StandaloneCluster cluster =
            StandaloneCluster.start(folder, KilnRun.ROOT.resolve("target/spark-home"));
        KilnRun stays = cluster.startWorker();
        KilnRun goes = cluster.startWorker();
        WatchedRun run = start(job, elastic, cluster)) {
      RunStory story = run.story();
      story.await("step 15", LONGEST, s -> s.step() >= 15);
      goes.close();
      awaitStepAfter(story, "only 1 of 2 slots are left for the ranks; going on with 1 ranks");

      long registered = registered(elastic);
      cluster.startWorker();
      KilnRun.awaitGone("its executor", () -> registered(elastic) > registered);
      stays.descendants().forEach(ProcessHandle::destroyForcibly);
      awaitStepAfter(story, "there are slots for 2 ranks; going on with 2 ranks");
      long reached = story.step();
      story.await("more steps", LONGEST, s -> s.step() >= reached + 5);
      run.terminate();
      assertEquals(SIGTERM_STATUS, run.await(LONGEST), story.text());
      assertTrue(
          run.errors().contains("the same command goes on from the newest checkpoint"),
          run.errors());
    }

    Curve changed = Curve.of(elastic);
    int steps = changed.points().size();
    assertTrue(changed.isWhole(steps));
    Path undisturbed = folder.resolve("undisturbed");
    List<String> same = new ArrayList<>(ELASTIC);
    same.add("training.max_steps=" + steps);
    same.add("spark.master=local[2]");
    try (WatchedRun run = WatchedRun.start(KilnRun.ROOT, job, same, undisturbed, Map.of())) {
      run.awaitSuccess(LONGEST);
    }
    double distance = changed.distance(Curve.of(undisturbed));
    System.out.printf("2, 1, 2 ranks: at most %.2e from 2 ranks in %d steps%n", distance, steps);
    assertTrue(distance <= 1e-4, "distance " + distance);
  }

  private static WatchedRun start(Path job, Path output, StandaloneCluster cluster)
      throws IOException {
    List<String> overrides = new ArrayList<>(ELASTIC);
    overrides.add("training.max_steps=100000");
    overrides.add("spark.master=" + cluster.url());
    overrides.add("spark.conf.spark.driver.host=127.0.0.1");
    return WatchedRun.start(KilnRun.ROOT, job, overrides, output, Map.of());
  }

  private static void awaitStepAfter(RunStory story, String cause) throws InterruptedException {
    story.await(
        "a step after \"" + cause + "\"",
        LONGEST,
        s -> {
          boolean again = false;
          for (RunStory.Event event : s.events()) {
            again |= event instanceof RunStory.Restart restart && restart.cause().equals(cause);
            if (again && event instanceof RunStory.Step) {
              return true;
            }
          }
          return false;
        });
  }

  /** Executors that the driver has ever had. */
  private static long registered(Path output) {
    try {
      return Files.readAllLines(output.resolve("logs/driver.log")).stream()
          .filter(line -> line.contains("Registered executor"))
          .count();
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }
}
