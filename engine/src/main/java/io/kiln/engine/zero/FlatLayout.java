package io.kiln.engine.zero;

import io.kiln.engine.checkpoint.Piece;
import io.kiln.engine.model.ParameterSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Where a block's parameters lie in its flat tensor. Every parameter starts at a multiple of {@link
 * #ALIGNMENT} elements, so that a kernel takes the same path (and gives the same bits) whatever the
 * stage, and the whole is filled up to equal, aligned shards. The same for every stage and dtype.
 *
 * @param placements in the block's order
 * @param shardElements elements of one rank's shard
 * @param ranks number of shards
 */
public record FlatLayout(List<Placement> placements, long shardElements, int ranks) {
  /** 64 bytes of the narrowest format. */
  public static final long ALIGNMENT = 32;

  /** A parameter and the index of its first element in the flat tensor. */
  public record Placement(ParameterSpec spec, long offset) {
    long end() {
      return offset + spec.elements();
    }
  }

  public FlatLayout {
    placements = List.copyOf(placements);
  }

  /** Lays out {@code parameters} for {@code ranks} shards. */
  public static FlatLayout of(List<ParameterSpec> parameters, int ranks) {
    List<Placement> placements = new ArrayList<>();
    long offset = 0;
    for (ParameterSpec spec : parameters) {
      placements.add(new Placement(spec, offset));
      offset = roundUp(offset + spec.elements(), ALIGNMENT);
    }
    return new FlatLayout(placements, roundUp(offset, ALIGNMENT * ranks) / ranks, ranks);
  }

  /** Elements of the flat tensor, padding included. */
  public long elements() {
    return shardElements * ranks;
  }

  /** Elements that are parameters. */
  public long parameterElements() {
    return placements.stream().mapToLong(p -> p.spec().elements()).sum();
  }

  /** Receives a run of a parameter: from one element of the flat tensor to before another. */
  @FunctionalInterface
  interface RunSink {
    void accept(Placement placement, long from, long to);
  }

  /** The parts of parameters that lie between two elements of the flat tensor. */
  void forEachRun(long begin, long end, RunSink sink) {
    for (Placement placement : placements) {
      long from = Math.max(begin, placement.offset());
      long to = Math.min(end, placement.end());
      if (from < to) {
        sink.accept(placement, from, to);
      }
    }
  }

  /** Where a rank's shard begins and ends in the parameters: pieces without values. */
  public List<Piece> shardRuns(int rank) {
    List<Piece> runs = new ArrayList<>();
    long begin = rank * shardElements;
    forEachRun(
        begin,
        begin + shardElements,
        (placement, from, to) ->
            runs.add(
                new Piece(
                    placement.spec().name(), from - placement.offset(), to - from, Map.of())));
    return runs;
  }

  private static long roundUp(long n, long multiple) {
    return (n + multiple - 1) / multiple * multiple;
  }
}
