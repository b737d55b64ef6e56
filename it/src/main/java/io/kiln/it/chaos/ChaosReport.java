package io.kiln.it.chaos;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * How a disturbed run went.
 *
 * @param done the kills
 * @param events of the run
 * @param curve its curve
 * @param undisturbed the curve as it should be
 * @param sameModel whether both runs' models are the same bytes
 * @param left what the run has left behind that it should not have
 */
public record ChaosReport(
    List<Kill> done,
    List<RunStory.Event> events,
    Curve curve,
    Curve undisturbed,
    boolean sameModel,
    List<String> left) {
  /** Steps that had been finished and were taken again, for each new start that took some. */
  List<Long> repeated() {
    Stream.Builder<Long> all = Stream.builder();
    long furthest = 0;
    long again = 0;
    for (RunStory.Event event : events) {
      if (event instanceof RunStory.Restart) {
        all.add(again);
        again = 0;
      } else if (event instanceof RunStory.Step step) {
        again += step.step() <= furthest ? 1 : 0;
        furthest = Math.max(furthest, step.step());
      }
    }
    return all.add(again).build().toList();
  }

  /** Seconds from each kill to the next finished step, ascending. */
  double[] seconds() {
    return done.stream().mapToDouble(kill -> kill.secondsLost(events)).sorted().toArray();
  }

  /** Whether the run was what the undisturbed one was, and left nothing. */
  public boolean good() {
    return curve.isWhole(undisturbed.points().size())
        && curve.differences(undisturbed) == 0
        && sameModel
        && left.isEmpty();
  }

  /** How many executors were killed or frozen. */
  public int kills() {
    return done.size();
  }

  /** Steps at which the curve is not the undisturbed one's, bit for bit, or is not at all. */
  public long differences() {
    return curve.differences(undisturbed);
  }

  /** Why all ranks were started again, each time. */
  public List<String> causes() {
    return events.stream()
        .filter(RunStory.Restart.class::isInstance)
        .map(event -> ((RunStory.Restart) event).cause())
        .toList();
  }

  /** A line for each kill. */
  List<String> killLines() {
    return done.stream().map(this::line).toList();
  }

  private String line(Kill kill) {
    return String.format(
        Locale.ROOT,
        "%-19s after step %4d%s: %.1f s to the next finished step",
        kill.moment(),
        kill.step(),
        kill.draft() ? ", left a draft" : "",
        kill.secondsLost(events));
  }

  /** All that a person wants to know. */
  public List<String> lines() {
    double[] seconds = seconds();
    List<Long> repeated = repeated();
    String moments =
        Arrays.stream(Moment.values())
            .map(m -> done.stream().filter(kill -> kill.moment() == m).count() + " in " + m)
            .collect(Collectors.joining(", "));
    return List.of(
        String.format(
            Locale.ROOT,
            "kills survived: %d (%s); %d of them left a draft",
            done.size(),
            moments,
            done.stream().filter(Kill::draft).count()),
        String.format(
            Locale.ROOT,
            "steps repeated: %d beside %d, at most %d at once",
            repeated.stream().mapToLong(Long::longValue).sum(),
            undisturbed.points().size(),
            repeated.stream().mapToLong(Long::longValue).max().orElse(0)),
        String.format(
            Locale.ROOT,
            "seconds from a kill to the next finished step: median %.1f, worst %.1f",
            median(seconds),
            seconds[seconds.length - 1]),
        curve.differences(undisturbed) == 0
            ? "the curve is the undisturbed run's, bit for bit, in all "
                + undisturbed.points().size()
                + " steps"
            : "THE CURVE DIFFERS in " + curve.differences(undisturbed) + " steps",
        sameModel ? "so is the model" : "THE MODEL DIFFERS",
        left.isEmpty() ? "nothing is left behind" : "LEFT BEHIND: " + String.join(", ", left));
  }

  private static double median(double[] sorted) {
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}
