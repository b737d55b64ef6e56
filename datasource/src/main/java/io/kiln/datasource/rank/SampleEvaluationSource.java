package io.kiln.datasource.rank;

import io.kiln.datasource.packing.DataPlan;
import io.kiln.engine.train.EvaluationSource;
import io.kiln.engine.train.MicroBatch;
import java.util.Iterator;
import java.util.NoSuchElementException;

/**
 * The validation split in file order, every sample once a pass. A micro-batch lives until the next
 * one is asked for.
 */
final class SampleEvaluationSource implements EvaluationSource {
  private final RankSamples samples;
  private final MicroBatchBuffer buffer;

  SampleEvaluationSource(RankSamples samples) {
    this.samples = samples;
    this.buffer = samples.newBuffer();
  }

  @Override
  public Iterator<MicroBatch> pass(long limit) {
    long count = Math.min(limit, samples.plan().evaluationMicroBatches());
    return new Iterator<>() {
      private long given;

      @Override
      public boolean hasNext() {
        return given < count;
      }

      @Override
      public MicroBatch next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        return fill(given++);
      }
    };
  }

  private MicroBatch fill(long index) {
    DataPlan plan = samples.plan();
    int rank = samples.lanes().rank();
    int rows = plan.microBatch();
    long valid = 0;
    for (int row = 0; row < rows; row++) {
      long slot = index * rows + row;
      long sample = plan.evaluationSample(rank, slot);
      if (sample < plan.evaluationSamples()) {
        long units = plan.evaluationUnits(sample);
        buffer.fill(row, samples.evaluationIndex(slot), units);
        valid += plan.shape().targets(units);
      } else {
        buffer.ignore(row);
      }
    }
    return buffer.batch(valid, plan.evaluationSample(rank, index * rows));
  }

  @Override
  public void close() {
    buffer.close();
  }
}
