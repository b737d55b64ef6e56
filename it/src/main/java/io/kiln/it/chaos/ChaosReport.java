package io.kiln.it.chaos;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

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
  /** Seconds. */
  private static final double LONGEST_MEDIAN = 15;

  private static final long MOST_REPEATED = 1;

  /** Steps that had been finished and were taken again. */
  long repeated() {
    long repeated = 0;
    long furthest = 0;
    for (RunStory.Event event : events) {
      if (event instanceof RunStory.Step step) {
        repeated += step.step() <= furthest ? 1 : 0;
        furthest = Math.max(furthest, step.step());
      }
    }
    return repeated;
  }

  /** The same, at most, after a kill that comes while all ranks train or not. */
  private long mostRepeated(boolean alone) {
    long most = 0;
    for (int i = 0; i < done.size(); i++) {
      boolean followed = i + 1 < done.size() && done.get(i + 1).moment() == Moment.STARTING;
      if (alone != (followed || done.get(i).moment() == Moment.STARTING)) {
        most = Math.max(most, done.get(i).stepsLost(events));
      }
    }
    return most;
  }

  /** Seconds from each kill to the next finished step, ascending. */
  double[] seconds() {
    return done.stream().mapToDouble(kill -> kill.secondsLost(events)).sorted().toArray();
  }

  /**
   * What is not as it should be; nothing of a good run.
   *
   * @param redundant whether the ranks kept each other's shards in memory
   */
  public List<String> faults(boolean redundant) {
    List<String> faults = new ArrayList<>();
    if (!curve.isWhole(undisturbed.points().size()) || differences() > 0) {
      faults.add("the curve is not the undisturbed run's");
    }
    if (!sameModel) {
      faults.add("the model is not the undisturbed run's");
    }
    if (!left.isEmpty()) {
      faults.add("something is left behind");
    }
    double median = median(seconds());
    if (median > LONGEST_MEDIAN) {
      faults.add(
          String.format(
              Locale.ROOT, "a median of %.1f s is more than %.0f s", median, LONGEST_MEDIAN));
    }
    if (redundant && repeatedAfterOne() > MOST_REPEATED) {
      faults.add(
          "%d steps repeated after one death are more than %d with training.redundancy"
              .formatted(repeatedAfterOne(), MOST_REPEATED));
    }
    if (count(Moment.CHECKPOINT) > 0 && writesHit() == 0) {
      faults.add("no kill hit the write of a checkpoint");
    }
    return faults;
  }

  /** Kills that came into the write of a checkpoint, which is left a draft. */
  public long writesHit() {
    return done.stream().filter(Kill::write).count();
  }

  private long count(Moment moment) {
    return done.stream().filter(kill -> kill.moment() == moment).count();
  }

  /** Where the training went on from, each time. */
  public List<RunStory.Resume> resumptions() {
    return events.stream()
        .filter(RunStory.Resume.class::isInstance)
        .map(RunStory.Resume.class::cast)
        .toList();
  }

  /** Most steps that were taken again after a kill that came while all ranks trained. */
  public long repeatedAfterOne() {
    return mostRepeated(true);
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
        "%-19s after step %4d%s: %.1f s to the next finished step, %d repeated",
        kill.moment(),
        kill.step(),
        kill.write() ? ", hit its write" : "",
        kill.secondsLost(events),
        kill.stepsLost(events));
  }

  /** All that a person wants to know. */
  public List<String> lines() {
    double[] seconds = seconds();
    String moments =
        Arrays.stream(Moment.values())
            .map(moment -> count(moment) + " in " + moment)
            .collect(Collectors.joining(", "));
    return List.of(
        String.format(
            Locale.ROOT,
            "kills survived: %d (%s); %d hit the write of a checkpoint",
            done.size(),
            moments,
            writesHit()),
        String.format(
            Locale.ROOT,
            "steps repeated: %d beside %d; after one death at most %d, where a second came before all"
                + " trained again at most %d",
            repeated(),
            undisturbed.points().size(),
            repeatedAfterOne(),
            mostRepeated(false)),
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
