package io.kiln.engine.train.recovery;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Which rank keeps whose shard: one each, of another process wherever that can be, so that the
 * death of a process takes no shard with all its copies.
 *
 * <p>The ranks stand in a circle, process by process, the largest first, and each shard goes as
 * many places on as the largest process has ranks: that leads out of every process, unless one has
 * more than half of all ranks, and then out of it for as many as there are others.
 *
 * @param keepers by rank: who keeps its shard
 */
record Neighbours(List<Integer> keepers) {
  Neighbours {
    keepers = List.copyOf(keepers);
  }

  /**
   * The same for the same processes.
   *
   * @param processes in rank order, a name for each one's
   */
  static Neighbours of(List<String> processes) {
    int size = processes.size();
    Map<String, List<Integer>> ranks = new LinkedHashMap<>();
    for (int rank = 0; rank < size; rank++) {
      ranks.computeIfAbsent(processes.get(rank), name -> new ArrayList<>()).add(rank);
    }
    List<List<Integer>> groups = new ArrayList<>(ranks.values());
    groups.sort(Comparator.comparing(group -> -group.size()));
    List<Integer> circle = groups.stream().flatMap(List::stream).toList();
    int largest = groups.get(0).size();
    // All in one process: another rank at least.
    int places = largest == size ? 1 : largest;
    List<Integer> keepers = new ArrayList<>(circle);
    for (int place = 0; place < size; place++) {
      keepers.set(circle.get(place), circle.get((place + places) % size));
    }
    return new Neighbours(keepers);
  }

  /** Who keeps the shard of {@code rank}. */
  int keeper(int rank) {
    return keepers.get(rank);
  }

  /** Whose shard {@code rank} keeps. */
  int kept(int rank) {
    return keepers.indexOf(rank);
  }

  /** How many shards lie in one process only. */
  long together(List<String> processes) {
    return IntStream.range(0, processes.size())
        .filter(rank -> processes.get(rank).equals(processes.get(keeper(rank))))
        .count();
  }
}
