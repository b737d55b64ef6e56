package io.kiln.engine.train.recovery;

import io.kiln.engine.checkpoint.StoredShard;
import io.kiln.engine.comm.Communicator;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;

/** Tells every rank what all ranks have written. */
final class ShardExchange {
  private ShardExchange() {}

  /**
   * All ranks call it together.
   *
   * @param own what this rank has written
   * @param file names the file of a rank
   * @return in rank order
   */
  static List<StoredShard> gather(
      Communicator communicator, StoredShard own, IntFunction<String> file) {
    int ranks = communicator.size();
    double[] lengths = new double[ranks];
    lengths[communicator.rank()] = own.length();
    lengths = communicator.sum(lengths);

    int[] begins = new int[ranks + 1];
    for (int rank = 0; rank < ranks; rank++) {
      begins[rank + 1] = begins[rank] + StoredShard.checksums((long) lengths[rank]);
    }
    double[] checksums = new double[begins[ranks]];
    for (int i = 0; i < own.checksums().size(); i++) {
      // A double holds every int: the sum with zeros is exact.
      checksums[begins[communicator.rank()] + i] = own.checksums().get(i);
    }
    checksums = communicator.sum(checksums);

    List<StoredShard> all = new ArrayList<>();
    for (int rank = 0; rank < ranks; rank++) {
      List<Integer> values = new ArrayList<>();
      for (int i = begins[rank]; i < begins[rank + 1]; i++) {
        values.add((int) checksums[i]);
      }
      all.add(new StoredShard(file.apply(rank), (long) lengths[rank], values));
    }
    return all;
  }
}
