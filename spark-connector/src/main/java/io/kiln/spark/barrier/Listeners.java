package io.kiln.spark.barrier;

import io.kiln.engine.train.EvaluationReport;
import io.kiln.engine.train.StepReport;
import io.kiln.engine.train.recovery.CheckpointReport;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One stream, many readers. One that throws keeps neither the others from hearing nor the run from
 * going on; it is told once.
 */
public final class Listeners implements RunListener {
  private static final Logger LOG = LoggerFactory.getLogger("io.kiln.spark");

  private final List<Reader> readers;

  /**
   * @param log takes a line
   */
  Listeners(List<RunListener> readers, Consumer<String> log) {
    this.readers = readers.stream().map(listener -> new Reader(listener, log)).toList();
  }

  /** Of readers that hear in this order; what one throws goes to the log. */
  public static Listeners of(RunListener... readers) {
    return new Listeners(Arrays.asList(readers), LOG::warn);
  }

  /** One of them. */
  private static final class Reader {
    private final RunListener listener;
    private final Consumer<String> log;
    private final AtomicBoolean told = new AtomicBoolean();

    Reader(RunListener listener, Consumer<String> log) {
      this.listener = listener;
      this.log = log;
    }

    void hear(String what, Consumer<RunListener> call) {
      try {
        call.accept(listener);
        // Listeners are written in Scala and Python too, whose errors pass every declaration.
      } catch (Exception | Error failure) {
        if (!told.getAndSet(true)) {
          log.accept(
              "the listener "
                  + listener.getClass().getName()
                  + " threw in "
                  + what
                  + " ("
                  + OneLine.of(failure)
                  + "): the run goes on, and what else it throws is not told; catch it there");
          LOG.debug("it threw there:", failure);
        }
      }
    }
  }

  private void tell(String what, Consumer<RunListener> call) {
    readers.forEach(reader -> reader.hear(what, call));
  }

  @Override
  public void onStart(RunStart start) {
    tell("onStart", reader -> reader.onStart(start));
  }

  @Override
  public void onProgress(int rank, String phase, long step) {
    tell("onProgress", reader -> reader.onProgress(rank, phase, step));
  }

  @Override
  public void onStep(StepReport report) {
    tell("onStep", reader -> reader.onStep(report));
  }

  @Override
  public void onEvaluation(EvaluationReport report) {
    tell("onEvaluation", reader -> reader.onEvaluation(report));
  }

  @Override
  public void onResume(long step, String where) {
    tell("onResume", reader -> reader.onResume(step, where));
  }

  @Override
  public void onBeginning() {
    tell("onBeginning", RunListener::onBeginning);
  }

  @Override
  public void onCheckpoint(CheckpointReport report) {
    tell("onCheckpoint", reader -> reader.onCheckpoint(report));
  }

  @Override
  public void onRemark(int rank, String line) {
    tell("onRemark", reader -> reader.onRemark(rank, line));
  }

  @Override
  public void onRestart(int attempt, String cause) {
    tell("onRestart", reader -> reader.onRestart(attempt, cause));
  }
}
