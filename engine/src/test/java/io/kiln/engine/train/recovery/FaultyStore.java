package io.kiln.engine.train.recovery;

import io.kiln.engine.checkpoint.CheckpointStore;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.atomic.AtomicInteger;

/** Breaks writes of files whose path says so, a number of times. */
final class FaultyStore extends HandingOn {
  private final String where;
  private final AtomicInteger times;
  private final long delayMillis;
  private final int afterBytes;

  FaultyStore(
      CheckpointStore sound, String where, AtomicInteger times, long delayMillis, int afterBytes) {
    super(sound);
    this.where = where;
    this.times = times;
    this.delayMillis = delayMillis;
    this.afterBytes = afterBytes;
  }

  @Override
  public OutputStream create(String path) throws IOException {
    OutputStream out = super.create(path);
    if (!path.contains(where)) {
      return out;
    }
    if (delayMillis > 0) {
      pause();
    }
    return times.getAndDecrement() > 0 ? new Breaking(out, afterBytes) : out;
  }

  private void pause() throws IOException {
    try {
      Thread.sleep(delayMillis);
    } catch (InterruptedException ended) {
      throw new IOException("interrupted");
    }
  }

  @Override
  public void replace(String name, byte[] content) throws IOException {
    if (name.contains(where) && times.getAndDecrement() > 0) {
      throw new IOException("No space left on device");
    }
    super.replace(name, content);
  }

  private static final class Breaking extends FilterOutputStream {
    private int left;

    Breaking(OutputStream out, int bytes) {
      super(out);
      this.left = bytes;
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      if (length > left) {
        out.write(bytes, offset, left);
        throw new IOException("No space left on device");
      }
      out.write(bytes, offset, length);
      left -= length;
    }
  }
}
