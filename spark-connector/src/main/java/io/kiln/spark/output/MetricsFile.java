package io.kiln.spark.output;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.train.StepReport;
import io.kiln.spark.barrier.RunListener;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.fs.FSDataOutputStream;

/**
 * {@code metrics.jsonl}: a line a step, readable while the run goes on. It starts anew when the run
 * does.
 */
public final class MetricsFile implements RunListener, AutoCloseable {
  /** Its name in the output directory. */
  public static final String NAME = "metrics.jsonl";

  private static final long FLUSH_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final OutputDirectory directory;
  private final boolean breakdown;
  private OutputStream out;
  private long flushed = System.nanoTime();

  /**
   * @param breakdown whether a line also tells where the step's time went ({@code
   *     wall_clock_breakdown})
   */
  public MetricsFile(OutputDirectory directory, boolean breakdown) {
    this.directory = directory;
    this.breakdown = breakdown;
    this.out = open();
  }

  private OutputStream open() {
    try {
      return directory.createVisible(NAME);
    } catch (IOException unwritable) {
      throw new UncheckedIOException(unwritable);
    }
  }

  @Override
  public synchronized void onStep(StepReport report) {
    try {
      out.write((line(report) + "\n").getBytes(StandardCharsets.UTF_8));
      if (System.nanoTime() - flushed > FLUSH_NANOS) {
        flush();
      }
    } catch (IOException unwritable) {
      throw new UncheckedIOException(unwritable);
    }
  }

  private void flush() throws IOException {
    flushed = System.nanoTime();
    if (out instanceof FSDataOutputStream stream) {
      stream.hflush();
    } else {
      out.flush();
    }
  }

  /** One step as JSON; what is no finite number is null. */
  private String line(StepReport report) {
    ObjectNode line = JSON.createObjectNode();
    line.put("step", report.step());
    number(line, "loss", report.loss());
    number(line, "lr", report.learningRate());
    number(line, "grad_norm", report.gradientNorm());
    number(line, "loss_scale", report.lossScale());
    line.put("tokens", report.tokens());
    number(line, "tokens_per_second", rounded(1000 * report.tokens() / report.times().total(), 10));
    number(line, "step_ms", rounded(report.times().total(), 1000));
    number(line, "data_ms", rounded(report.times().data(), 1000));
    if (breakdown) {
      number(line, "forward_ms", rounded(report.times().forward(), 1000));
      number(line, "backward_ms", rounded(report.times().backward(), 1000));
      number(line, "reduce_ms", rounded(report.times().reduce(), 1000));
      number(line, "update_ms", rounded(report.times().update(), 1000));
    }
    return line.toString();
  }

  private static double rounded(double value, double parts) {
    return Math.rint(value * parts) / parts;
  }

  private static void number(ObjectNode line, String name, double value) {
    if (Double.isFinite(value)) {
      line.put(name, value);
    } else {
      line.putNull(name);
    }
  }

  @Override
  public synchronized void onRestart(int attempt, String cause) {
    close();
    out = open();
  }

  @Override
  public synchronized void close() {
    try {
      out.close();
    } catch (IOException unwritable) {
      throw new UncheckedIOException(unwritable);
    }
  }
}
