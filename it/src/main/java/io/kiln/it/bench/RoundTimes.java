package io.kiln.it.bench;

import java.util.ArrayList;
import java.util.List;

/**
 * The steps of a training that was made to stand still from time to time, parted into the rounds in
 * which it ran. The step that a pause fell into belongs to no round.
 */
final class RoundTimes {
  private RoundTimes() {}

  /**
   * @param millis from the end of a step to the end of the next, for all steps
   * @param pauses milliseconds of each, as they came: at least that long is the step it fell into.
   *     The last one may have none, if the training was ended in it.
   * @return the steps between a pause and the next
   * @throws IllegalStateException if not every pause is found
   */
  static List<List<Double>> between(List<Double> millis, List<Double> pauses) {
    List<List<Double>> parts = new ArrayList<>();
    List<Double> part = new ArrayList<>();
    for (double step : millis) {
      if (parts.size() < pauses.size() && step >= pauses.get(parts.size())) {
        parts.add(part);
        part = new ArrayList<>();
      } else {
        part.add(step);
      }
    }
    parts.add(part);
    if (parts.size() < pauses.size()) {
      throw new IllegalStateException(
          "of " + pauses.size() + " pauses only " + (parts.size() - 1) + " are in the steps");
    }
    // What came before the first pause is no round, nor what came after the last.
    return parts.subList(1, pauses.size());
  }

  /**
   * What the second of two trainings needs in each of its rounds, times the first, which ran before
   * and after it: a machine that gets slower or faster meanwhile favours neither.
   *
   * @param first a round more than {@code second} has
   */
  static List<Double> ratios(List<List<Double>> first, List<List<Double>> second) {
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < second.size(); i++) {
      double around = (median(first.get(i)) + median(first.get(i + 1))) / 2;
      ratios.add(median(second.get(i)) / around);
    }
    return ratios;
  }

  /** The median of all steps. */
  static double middle(List<List<Double>> rounds) {
    return JobRuns.median(rounds.stream().flatMap(List::stream).toList());
  }

  private static double median(List<Double> round) {
    if (round.isEmpty()) {
      throw new IllegalStateException("a round holds no whole step: --seconds has to be more");
    }
    return JobRuns.median(round);
  }
}
