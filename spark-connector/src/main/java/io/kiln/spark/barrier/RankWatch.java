package io.kiln.spark.barrier;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Sees from the beacons which rank no longer gets on. A rank that is silent is frozen, or its
 * machine is. Of ranks that speak and stand still inside a step, those that have got on the least
 * hold up the others, who wait for them in a collective. Ranks that all wait for one another wait
 * for nobody. Times are in nanoseconds.
 */
final class RankWatch {
  /** Where a rank is that waits until all are done. */
  static final String DONE = "waiting until all ranks are done";

  private static final String TRAINING = "training";

  private static final String UNHEARD = "starting";

  /**
   * Until a task speaks for the first time its executor may have to fetch hundreds of megabytes,
   * and to connect many ranks takes a while, too.
   */
  private static final Duration FIRST_WORDS = Duration.ofMinutes(5);

  /** A rank that does not get on. */
  record Stuck(RankMessage.Progress last, String line) {}

  private record Seen(RankMessage.Progress last, boolean spoken, long heard, long moved) {}

  private final Duration timeout;
  private final Map<Integer, Seen> running = new HashMap<>();
  private final Map<Integer, Long> tasks = new HashMap<>();
  private final Set<Integer> ended = new HashSet<>();

  RankWatch(Duration timeout) {
    this.timeout = timeout;
  }

  /** A new attempt: nothing is known of it. */
  void reset() {
    running.clear();
    tasks.clear();
    ended.clear();
  }

  /** A rank's task runs. */
  void started(int rank, String host, String executor, long task, long now) {
    tasks.put(rank, task);
    running.putIfAbsent(
        rank,
        new Seen(
            new RankMessage.Progress(rank, 0, host, executor, UNHEARD, 0, 0), false, now, now));
  }

  /** A rank's task runs no more. */
  void ended(int rank) {
    ended.add(rank);
    running.remove(rank);
    tasks.remove(rank);
  }

  /** A beacon has come. */
  void heard(RankMessage.Progress beacon, long now) {
    if (ended.contains(beacon.rank())) {
      return;
    }
    Seen before = running.get(beacon.rank());
    boolean moved = before == null || !before.spoken() || !samePlace(before.last(), beacon);
    running.put(beacon.rank(), new Seen(beacon, true, now, moved ? now : before.moved()));
  }

  private static boolean samePlace(RankMessage.Progress a, RankMessage.Progress b) {
    return a.step() == b.step()
        && a.progress() == b.progress()
        && Objects.equals(a.phase(), b.phase());
  }

  /** How many ranks run. */
  int running() {
    return running.size();
  }

  /** Executors that ranks run in. */
  Set<String> executors() {
    return running.values().stream()
        .map(seen -> seen.last().executor())
        .collect(Collectors.toSet());
  }

  /** Whether a rank has spoken. */
  boolean anyHeard() {
    return running.values().stream().anyMatch(Seen::spoken);
  }

  /** The task of a rank that is none of these. */
  OptionalLong taskBeside(List<Stuck> stuck) {
    Set<Integer> ranks = stuck.stream().map(one -> one.last().rank()).collect(Collectors.toSet());
    return tasks.entrySet().stream()
        .filter(task -> !ranks.contains(task.getKey()))
        .mapToLong(Map.Entry::getValue)
        .findFirst();
  }

  /** The ranks that have to be replaced. */
  List<Stuck> stuck(long now) {
    List<Stuck> silent = new ArrayList<>();
    List<Seen> still = new ArrayList<>();
    for (Seen seen : running.values()) {
      Duration patience = seen.spoken() ? timeout : longer();
      if (now - seen.heard() > patience.toNanos()) {
        silent.add(new Stuck(seen.last(), line("has not been heard", patience, seen.last())));
      } else if (standing(seen.last().phase())
          .filter(longest -> now - seen.moved() > longest.toNanos())
          .isPresent()) {
        still.add(seen);
      }
    }
    // Who waits for a frozen rank stands still, too.
    return silent.isEmpty() && still.size() == running.size() ? leastAdvanced(still) : silent;
  }

  /** Where standing still means something, and from when on: reading and saving take their time. */
  private Optional<Duration> standing(String phase) {
    return switch (phase) {
      case TRAINING -> Optional.of(timeout);
      case RankContext.MEETING, DONE -> Optional.of(longer());
      default -> Optional.empty();
    };
  }

  private Duration longer() {
    return timeout.compareTo(FIRST_WORDS) > 0 ? timeout : FIRST_WORDS;
  }

  private List<Stuck> leastAdvanced(List<Seen> still) {
    long step = still.stream().mapToLong(seen -> seen.last().step()).min().orElse(0);
    long progress =
        still.stream()
            .filter(seen -> seen.last().step() == step)
            .mapToLong(seen -> seen.last().progress())
            .min()
            .orElse(0);
    return still.stream()
        .map(Seen::last)
        .filter(last -> last.step() == step && last.progress() == progress)
        .map(
            last ->
                new Stuck(
                    last, line("has not moved", standing(last.phase()).orElse(timeout), last)))
        .toList();
  }

  private static String line(String what, Duration timeout, RankMessage.Progress last) {
    return what
        + " for "
        + timeout.toSeconds()
        + " s (training.stall_timeout), after step "
        + last.step()
        + ", "
        + last.phase()
        + ": its executor is replaced";
  }
}
