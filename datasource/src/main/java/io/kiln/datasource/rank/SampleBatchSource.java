package io.kiln.datasource.rank;

import io.kiln.datasource.DataException;
import io.kiln.datasource.lanes.RankLanes;
import io.kiln.datasource.packing.DataPlan;
import io.kiln.engine.train.BatchSource;
import io.kiln.engine.train.MicroBatch;
import java.util.ArrayList;
import java.util.List;

/**
 * Training micro-batches that a thread makes ready ahead of the step. A ring of step buffers goes
 * round between it and the training thread; nothing is allocated after construction. The tensors of
 * a step stay as they are until {@link #next} is called again. Steps are expected in order; asking
 * for another one works and drops what was made ahead.
 */
final class SampleBatchSource implements BatchSource {
  private static final long PATIENCE_MILLIS = 300_000;
  private static final long CLOSING_MILLIS = 60_000;
  private static final long LOOK_AGAIN_MILLIS = 1_000;

  private enum State {
    FREE,
    FILLING,
    READY,
    LENT
  }

  /** Writes one sample of the store into one row; the seam at which tests break it. */
  interface RowWriter {
    void write(MicroBatchBuffer buffer, int row, long index);
  }

  /** The micro-batches of one step. */
  private static final class StepBuffer {
    final List<MicroBatchBuffer> buffers;
    final List<MicroBatch> batches;
    State state = State.FREE;
    long step;

    StepBuffer(List<MicroBatchBuffer> buffers, List<MicroBatch> batches) {
      this.buffers = buffers;
      this.batches = batches;
    }
  }

  private final RankSamples samples;
  private final RowWriter writer;
  private final List<StepBuffer> ring = new ArrayList<>();
  private final Thread worker;
  private final Object lock = new Object();
  private long nextToFill;
  private Throwable failure;
  private boolean closed;

  SampleBatchSource(RankSamples samples, long firstStep, int ahead) {
    this(
        samples,
        firstStep,
        ahead,
        (buffer, row, index) -> buffer.fill(row, index, samples.plan().shape().length()));
  }

  SampleBatchSource(RankSamples samples, long firstStep, int ahead, RowWriter writer) {
    if (firstStep < 1 || ahead < 1) {
      throw new IllegalArgumentException("first step " + firstStep + ", ahead " + ahead);
    }
    this.samples = samples;
    this.writer = writer;
    this.nextToFill = firstStep;
    RankLanes lanes = samples.lanes();
    DataPlan plan = samples.plan();
    long valid = plan.microBatch() * plan.shape().targets(plan.shape().length());
    for (int i = 0; i <= ahead; i++) {
      List<MicroBatchBuffer> buffers = samples.newBuffers(lanes.accumulation());
      List<MicroBatch> batches = new ArrayList<>();
      for (int k = 0; k < buffers.size(); k++) {
        long firstRow = lanes.first() + (long) k * plan.microBatch();
        batches.add(buffers.get(k).batch(valid, firstRow));
      }
      ring.add(new StepBuffer(buffers, List.copyOf(batches)));
    }
    this.worker = new Thread(this::work, "kiln-samples-" + lanes.rank());
    worker.setDaemon(true);
    worker.start();
  }

  @Override
  public List<MicroBatch> next(long step) {
    if (step < 1) {
      throw new IllegalArgumentException("step " + step + ": steps count from 1");
    }
    synchronized (lock) {
      for (StepBuffer buffer : ring) {
        if (buffer.state == State.LENT) {
          buffer.state = State.FREE;
        }
      }
      if (!comes(step)) {
        nextToFill = step;
      }
      long deadline = System.nanoTime() + PATIENCE_MILLIS * 1_000_000;
      while (true) {
        if (closed) {
          throw new IllegalStateException("The source of micro-batches is closed");
        }
        for (StepBuffer buffer : ring) {
          if (buffer.state == State.READY && buffer.step == step) {
            buffer.state = State.LENT;
            lock.notifyAll();
            return buffer.batches;
          }
          if (buffer.state == State.READY && (buffer.step < step || buffer.step >= nextToFill)) {
            buffer.state = State.FREE;
          }
        }
        if (failure != null) {
          throw new DataException(
              "The micro-batches of step " + step + " cannot be made: " + failure.getMessage(),
              failure);
        }
        lock.notifyAll();
        await(step, deadline);
      }
    }
  }

  private boolean comes(long step) {
    for (StepBuffer buffer : ring) {
      if (buffer.step == step && (buffer.state == State.READY || buffer.state == State.FILLING)) {
        return true;
      }
    }
    return nextToFill == step;
  }

  private void await(long step, long deadline) {
    if (System.nanoTime() - deadline > 0) {
      throw new DataException(
          "The micro-batches of step "
              + step
              + " did not come within "
              + PATIENCE_MILLIS / 1000
              + " s: is the local disk stuck?");
    }
    try {
      lock.wait(LOOK_AGAIN_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DataException("Interrupted while waiting for the micro-batches of step " + step, e);
    }
  }

  private void work() {
    try {
      StepBuffer buffer;
      while ((buffer = claim()) != null) {
        fill(buffer);
        synchronized (lock) {
          buffer.state = State.READY;
          lock.notifyAll();
        }
      }
    } catch (Throwable e) {
      synchronized (lock) {
        failure = e;
        lock.notifyAll();
      }
    }
  }

  /** A buffer to fill and its step; null when the source is closed. */
  private StepBuffer claim() throws InterruptedException {
    synchronized (lock) {
      while (!closed) {
        for (StepBuffer buffer : ring) {
          if (buffer.state == State.FREE) {
            buffer.state = State.FILLING;
            buffer.step = nextToFill++;
            return buffer;
          }
        }
        lock.wait();
      }
      return null;
    }
  }

  private void fill(StepBuffer buffer) {
    DataPlan plan = samples.plan();
    RankLanes lanes = samples.lanes();
    int rows = plan.microBatch();
    for (int k = 0; k < buffer.buffers.size(); k++) {
      MicroBatchBuffer target = buffer.buffers.get(k);
      for (int row = 0; row < rows; row++) {
        int lane = lanes.first() + k * rows + row;
        long place = plan.lanes().placeAt(buffer.step, lane);
        writer.write(target, row, samples.trainingIndex(lane, place));
      }
    }
  }

  @Override
  public long globalValidTargets(long step) {
    DataPlan plan = samples.plan();
    return plan.lanes().globalBatch() * plan.shape().targets(plan.shape().length());
  }

  @Override
  public void close() {
    synchronized (lock) {
      if (closed) {
        return;
      }
      closed = true;
      lock.notifyAll();
    }
    if (!ended()) {
      // It still writes: its tensors cannot be freed under it.
      throw new IllegalStateException(
          worker.getName() + " does not end; its micro-batches are not freed");
    }
    for (StepBuffer step : ring) {
      step.buffers.forEach(MicroBatchBuffer::close);
    }
  }

  /** Waits for the thread, which has at most one step to finish. */
  private boolean ended() {
    boolean interrupted = false;
    long deadline = System.nanoTime() + CLOSING_MILLIS * 1_000_000;
    while (worker.isAlive() && System.nanoTime() - deadline < 0) {
      try {
        worker.join(LOOK_AGAIN_MILLIS);
      } catch (InterruptedException e) {
        interrupted = true; // A task that is killed still frees what it holds.
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return !worker.isAlive();
  }
}
