package io.kiln.spark.barrier;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Sees from the beacons which rank no longer gets on. A rank that is silent is frozen, or its
 * machine is. Of ranks that speak and stand still inside a step, those that have got on the least
 * hold up the others, who wait for them in a collective.
 */
final class RankWatch {
  /** Only here does standing still mean something: reading, saving and waiting take their time. */
  private static final String TRAINING = "training";

  /** A rank that does not get on. */
  record Stuck(RankMessage.Progress last, String line) {}

  private record Seen(RankMessage.Progress last, long heard, long moved) {}

  private final Duration timeout;
  private final Map<Integer, Seen> ranks = new HashMap<>();

  RankWatch(Duration timeout) {
    this.timeout = timeout;
  }

  /** A new attempt: nothing has been heard of it. */
  void reset() {
    ranks.clear();
  }

  /**
   * A beacon has come.
   *
   * @param now in nanoseconds, like all times here
   */
  void heard(RankMessage.Progress beacon, long now) {
    Seen before = ranks.get(beacon.rank());
    boolean moved = before == null || !samePlace(before.last(), beacon);
    ranks.put(beacon.rank(), new Seen(beacon, now, moved ? now : before.moved()));
  }

  private static boolean samePlace(RankMessage.Progress a, RankMessage.Progress b) {
    return a.step() == b.step()
        && a.progress() == b.progress()
        && Objects.equals(a.phase(), b.phase());
  }

  /** How long nobody has been heard; empty if nobody has been yet. */
  Optional<Duration> silence(long now) {
    return ranks.values().stream()
        .map(seen -> Duration.ofNanos(now - seen.heard()))
        .min(Duration::compareTo);
  }

  /** The ranks that have to be replaced. */
  List<Stuck> stuck(long now) {
    List<Stuck> silent = new ArrayList<>();
    List<Seen> still = new ArrayList<>();
    for (Seen seen : ranks.values()) {
      if (now - seen.heard() > timeout.toNanos()) {
        silent.add(new Stuck(seen.last(), line("has not been heard", seen.last())));
      } else if (seen.last().phase().equals(TRAINING) && now - seen.moved() > timeout.toNanos()) {
        still.add(seen);
      }
    }
    // Who waits for a frozen rank stands still, too.
    return silent.isEmpty() && still.size() == ranks.size() ? leastAdvanced(still) : silent;
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
        .map(last -> new Stuck(last, line("has not moved", last)))
        .toList();
  }

  private String line(String what, RankMessage.Progress last) {
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
