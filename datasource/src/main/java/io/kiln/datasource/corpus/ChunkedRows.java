package io.kiln.datasource.corpus;

import io.kiln.datasource.DataException;
import java.net.URI;
import java.util.Arrays;
import java.util.Iterator;
import java.util.NoSuchElementException;
import org.apache.hadoop.fs.Path;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.unsafe.types.UTF8String;
import org.apache.spark.util.TaskCompletionListener;

/** Encodes a partition's rows and gathers them in chunks of about a megabyte. */
final class ChunkedRows implements Iterator<UnitChunk> {
  private static final int CHUNK = 1 << 20;

  private final int partition;
  private final Iterator<InternalRow> rows;
  private final RowEncoder encoder;
  private final int fileOrdinal;
  private byte[] bytes = new byte[1 << 12];
  private int size;
  private long rowsInChunk;
  private int run = -1;
  private long rowInRun;
  private UTF8String file;
  private String path;
  private long block;
  private String problem;
  private boolean reported;
  private UnitChunk next;

  /**
   * @param fileOrdinal column of the file path, with the block's start behind it; -1 for none
   */
  ChunkedRows(int partition, Iterator<InternalRow> rows, RowEncoder encoder, int fileOrdinal) {
    this.partition = partition;
    this.rows = rows;
    this.encoder = encoder;
    this.fileOrdinal = fileOrdinal;
    TaskContext context = TaskContext.get();
    if (context != null) {
      TaskCompletionListener close = done -> encoder.close();
      context.addTaskCompletionListener(close);
    }
  }

  @Override
  public boolean hasNext() {
    if (next == null) {
      next = advance();
    }
    return next != null;
  }

  @Override
  public UnitChunk next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    UnitChunk chunk = next;
    next = null;
    return chunk;
  }

  private UnitChunk advance() {
    while (problem == null && rows.hasNext()) {
      InternalRow row = rows.next();
      UnitChunk finished = null;
      if (startsRun(row)) {
        finished = rowsInChunk > 0 ? flush() : null;
        begin(row);
      }
      rowInRun++;
      try {
        append(encoder.encode(row));
      } catch (DataException e) {
        problem = place() + e.getMessage();
      }
      if (finished != null) {
        return finished;
      }
      if (size >= CHUNK) {
        return flush();
      }
    }
    if (problem == null || reported) {
      return rowsInChunk > 0 && problem == null ? flush() : null;
    }
    reported = true;
    UnitChunk last = flush();
    last.problem = problem;
    return last;
  }

  private boolean startsRun(InternalRow row) {
    if (run < 0) {
      return true;
    }
    return fileOrdinal >= 0
        && (block != row.getLong(fileOrdinal + 1) || !file.equals(row.getUTF8String(fileOrdinal)));
  }

  private void begin(InternalRow row) {
    run++;
    rowInRun = 0;
    if (fileOrdinal >= 0) {
      file = row.getUTF8String(fileOrdinal).copy();
      block = row.getLong(fileOrdinal + 1);
      // Spark gives the path as a URL; names are told, and put in order, as they are.
      path = new Path(URI.create(file.toString())).toString();
    }
  }

  private String place() {
    return "Row "
        + rowInRun
        + (path == null ? " of partition " + partition : " of " + path)
        + (block > 0 ? " behind byte " + block : "")
        + ": ";
  }

  private void append(byte[] units) {
    rowsInChunk++;
    if (size == 0 && units.length >= CHUNK) {
      bytes = units; // A long document is a chunk as it is.
      size = units.length;
      return;
    }
    int needed = Math.addExact(size, units.length);
    if (needed > bytes.length) {
      bytes = Arrays.copyOf(bytes, (int) Math.max(needed, Math.min(2L * bytes.length, CHUNK)));
    }
    System.arraycopy(units, 0, bytes, size, units.length);
    size = needed;
  }

  private UnitChunk flush() {
    UnitChunk chunk = new UnitChunk();
    chunk.run = run;
    chunk.file = path;
    chunk.block = block;
    chunk.rows = rowsInChunk;
    chunk.greatest = encoder.greatest(bytes, size);
    if (size == bytes.length) {
      chunk.units = bytes;
      bytes = new byte[1 << 12];
    } else {
      chunk.units = Arrays.copyOf(bytes, size);
    }
    size = 0;
    rowsInChunk = 0;
    return chunk;
  }
}
