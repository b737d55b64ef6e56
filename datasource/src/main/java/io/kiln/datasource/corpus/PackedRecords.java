package io.kiln.datasource.corpus;

import io.kiln.datasource.packing.DataPlan;
import io.kiln.datasource.packing.PieceBuffer;
import io.kiln.datasource.packing.SamplePacker;
import io.kiln.datasource.packing.SampleSink;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import scala.Tuple2;

/**
 * Cuts a partition's chunks into pieces of samples and gathers them in records, each for a rank.
 */
final class PackedRecords implements Iterator<Tuple2<Integer, byte[]>> {
  private static final int RECORD = 1 << 18;

  private final Iterator<UnitChunk> chunks;
  private final SamplePacker packer;
  private final int unitBytes;
  private final long[] offsets;
  private final PieceBuffer[] buffers;
  private final ArrayDeque<Tuple2<Integer, byte[]>> ready = new ArrayDeque<>();
  private int run = -1;
  private long offset;

  /**
   * @param offsets in the corpus of the first unit of each run of this partition
   */
  PackedRecords(DataPlan plan, long[] offsets, Iterator<UnitChunk> chunks) {
    this.chunks = chunks;
    this.packer = new SamplePacker(plan);
    this.unitBytes = plan.shape().unitBytes();
    this.offsets = offsets;
    this.buffers = new PieceBuffer[plan.ranks()];
    for (int rank = 0; rank < buffers.length; rank++) {
      buffers[rank] = new PieceBuffer();
    }
  }

  @Override
  public boolean hasNext() {
    while (ready.isEmpty() && chunks.hasNext()) {
      cut(chunks.next());
      if (!chunks.hasNext()) {
        for (int rank = 0; rank < buffers.length; rank++) {
          if (buffers[rank].size() > 0) {
            ready.add(new Tuple2<>(rank, buffers[rank].take()));
          }
        }
      }
    }
    return !ready.isEmpty();
  }

  private void cut(UnitChunk chunk) {
    if (chunk.run != run) {
      run = chunk.run;
      offset = offsets[run];
    }
    int count = chunk.units.length / unitBytes;
    SampleSink sink =
        (rank, evaluation, slot, at, source, from, bytes) -> {
          PieceBuffer buffer = buffers[rank];
          buffer.add(evaluation, slot, at, source, from, bytes);
          if (buffer.size() >= RECORD) {
            ready.add(new Tuple2<>(rank, buffer.take()));
          }
        };
    packer.cut(chunk.units, count, offset, sink);
    offset += count;
  }

  @Override
  public Tuple2<Integer, byte[]> next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    return ready.poll();
  }
}
