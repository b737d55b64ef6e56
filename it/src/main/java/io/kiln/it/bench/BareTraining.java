package io.kiln.it.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A job in processes that the engine runs in without Spark. */
final class BareTraining implements PausableTraining {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final RankProcesses ranks;
  private final List<Double> millis = new ArrayList<>();
  private final CompletableFuture<Void> begun = new CompletableFuture<>();

  /** Starts it. */
  BareTraining(Path job, int count, List<String> overrides) {
    List<String> arguments = new ArrayList<>(List.of(job.toString()));
    arguments.addAll(overrides);
    this.ranks =
        new RankProcesses(DirectRank.class, count, RankProcesses.environment(1), arguments);
    Thread thread = new Thread(this::serve, "bare ranks");
    thread.setDaemon(true);
    thread.start();
  }

  private void serve() {
    try {
      ranks.serve((rank, line) -> hear(line));
      begun.completeExceptionally(new IllegalStateException("the ranks ended before a step"));
    } catch (RuntimeException failed) {
      begun.completeExceptionally(failed);
    }
  }

  private void hear(String line) {
    try {
      double wall = JSON.readTree(line).get("wall_ms").asDouble();
      synchronized (millis) {
        millis.add(wall);
      }
      begun.complete(null);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a rank reported what is no JSON: " + line, e);
    }
  }

  @Override
  public void awaitSteps(Duration longest) throws InterruptedException {
    try {
      begun.get(longest.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException failed) {
      throw new IllegalStateException(failed.getCause().getMessage(), failed.getCause());
    } catch (TimeoutException e) {
      throw new IllegalStateException("no step in " + longest.toSeconds() + " s", e);
    }
  }

  @Override
  public List<ProcessHandle> processes() {
    return ranks.handles();
  }

  @Override
  public List<Double> end() {
    if (!processes().stream().allMatch(ProcessHandle::isAlive)) {
      throw new IllegalStateException("a rank has ended");
    }
    synchronized (millis) {
      return List.copyOf(millis);
    }
  }

  @Override
  public void close() {
    ranks.close();
  }
}
