package io.kiln.datasource.corpus;

import io.kiln.datasource.DataException;
import io.kiln.datasource.packing.DataPlan;
import io.kiln.datasource.packing.PieceBuffer;
import io.kiln.datasource.packing.SamplePacker;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.zip.CRC32C;
import scala.Tuple2;

/**
 * Cuts a partition's chunks into pieces of samples and gathers them in records, each for a rank.
 */
final class PackedRecords implements Iterator<Tuple2<Integer, byte[]>> {
  private static final int RECORD = 1 << 18;

  private final Iterator<UnitChunk> chunks;
  private final SamplePacker packer;
  private final int unitBytes;
  private final RunTable table;
  private final int partition;
  private final PieceBuffer[] buffers;
  private final ArrayDeque<Tuple2<Integer, byte[]>> ready = new ArrayDeque<>();
  private final CRC32C checksum = new CRC32C();
  private int run = -1;
  private long offset;
  private boolean finished;

  /**
   * @param table where the runs of this partition begin
   */
  PackedRecords(DataPlan plan, RunTable table, int partition, Iterator<UnitChunk> chunks) {
    this.chunks = chunks;
    this.packer = new SamplePacker(plan);
    this.unitBytes = plan.shape().unitBytes();
    this.table = table;
    this.partition = partition;
    this.buffers = new PieceBuffer[plan.ranks()];
    for (int rank = 0; rank < buffers.length; rank++) {
      buffers[rank] = new PieceBuffer();
    }
  }

  @Override
  public boolean hasNext() {
    while (ready.isEmpty() && !finished) {
      if (chunks.hasNext()) {
        cut(chunks.next());
      } else {
        finish();
      }
    }
    return !ready.isEmpty();
  }

  private void cut(UnitChunk chunk) {
    if (chunk.run != run) {
      begin(chunk.run);
    }
    checksum.update(chunk.units);
    int count = chunk.units.length / unitBytes;
    packer.cut(chunk.units, count, offset, this::add);
    offset += count;
  }

  private void add(
      int rank, boolean evaluation, long slot, int at, byte[] source, int from, int count) {
    PieceBuffer buffer = buffers[rank];
    buffer.add(evaluation, slot, at, source, from, count);
    if (buffer.size() >= RECORD) {
      ready.add(new Tuple2<>(rank, buffer.take()));
    }
  }

  private void finish() {
    begin(table.runs(partition));
    finished = true;
    for (int rank = 0; rank < buffers.length; rank++) {
      if (buffers[rank].size() > 0) {
        ready.add(new Tuple2<>(rank, buffers[rank].take()));
      }
    }
  }

  /**
   * Ends one run and begins the next. A block that Spark lost is made again from the source, which
   * must give the same rows in the same order, or samples would be sewn from what does not belong
   * together.
   */
  private void begin(int next) {
    boolean same = run < 0 || checksum.getValue() == table.checksum(partition, run);
    if (!same || next != run + 1 || next > table.runs(partition)) {
      throw new DataException(
          "Partition "
              + partition
              + " gave other rows when it was read again: write the data to files first, or sort it");
    }
    run = next;
    checksum.reset();
    if (next < table.runs(partition)) {
      offset = table.offset(partition, next);
    }
  }

  @Override
  public Tuple2<Integer, byte[]> next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    return ready.poll();
  }
}
