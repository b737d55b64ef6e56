package io.kiln.spark.output;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.train.StepReport;
import io.kiln.spark.barrier.RunListener;
import io.kiln.spark.store.StoreException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSError;

/**
 * {@code metrics.jsonl}: a line a step, readable while the run goes on. A step that is taken again,
 * because the run goes on from a checkpoint, takes the place of its line and of those after it.
 *
 * <p>What cannot be written is not thrown where a step is told, but kept: whoever runs the training
 * asks for it ({@link #failure}) and ends it.
 *
 * <p>{@code step_ms} is the step alone; {@code wall_ms} counts from the end of the step before to
 * the end of this one, so what was told, checkpointed or evaluated between them too, and {@code
 * tokens_per_second} goes by it.
 */
public final class MetricsFile implements RunListener, AutoCloseable {
  /** Its name in the output directory. */
  public static final String NAME = "metrics.jsonl";

  /** What it held, while it is written anew. */
  private static final String BEFORE = ".metrics.jsonl.before";

  private static final long FLUSH_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final OutputDirectory directory;
  private final boolean breakdown;
  private OutputStream out;
  private Optional<RuntimeException> failure = Optional.empty();
  private long lastStep;
  private long flushed = System.nanoTime();

  /**
   * @param breakdown whether a line also tells where the step's time went ({@code
   *     wall_clock_breakdown})
   */
  public MetricsFile(OutputDirectory directory, boolean breakdown) {
    this.directory = directory;
    this.breakdown = breakdown;
  }

  /** The steps that the file of an earlier run in this directory holds, in order. */
  public static NavigableMap<Long, RunRecord.Step> earlier(OutputDirectory directory) {
    NavigableMap<Long, RunRecord.Step> steps = new TreeMap<>();
    for (JsonNode line : lines(directory)) {
      steps.put(
          line.path("step").asLong(),
          new RunRecord.Step(
              line.path("loss").asDouble(Double.NaN),
              line.path("step_ms").asDouble(),
              line.path("wall_ms").asDouble(line.path("step_ms").asDouble()),
              line.path("tokens").asLong()));
    }
    return steps;
  }

  /** A last line may be cut where the driver died: it is no line. */
  private static List<JsonNode> lines(OutputDirectory directory) {
    List<JsonNode> lines = new ArrayList<>();
    // Still there: the driver died while it wrote the file anew.
    String name = directory.has(BEFORE) ? BEFORE : NAME;
    if (directory.has(name)) {
      for (String text : new String(directory.read(name), StandardCharsets.UTF_8).split("\n")) {
        try {
          lines.add(JSON.readTree(text));
        } catch (JsonProcessingException cut) {
          break;
        }
      }
    }
    return lines;
  }

  @Override
  public synchronized void onStep(StepReport report) {
    if (failure.isPresent()) {
      return;
    }
    try {
      if (out == null || report.step() <= lastStep) {
        begin(report.step());
      }
      lastStep = report.step();
      out.write((line(report) + "\n").getBytes(StandardCharsets.UTF_8));
      if (System.nanoTime() - flushed > FLUSH_NANOS) {
        flush();
      }
    } catch (IOException | RuntimeException | FSError unwritable) {
      fail(unwritable);
    }
  }

  private void fail(Throwable unwritable) {
    // Hadoop's local files say so with an error, around the one that tells why.
    Throwable reason = unwritable instanceof FSError ? unwritable.getCause() : unwritable;
    String file = directory.shown() + "/" + NAME;
    failure =
        Optional.of(
            new UnwritableOutputException(
                StoreException.of("written", file, reason).getMessage(), unwritable));
  }

  /** Why lines are missing in the file, if any are. */
  public synchronized Optional<RuntimeException> failure() {
    return failure;
  }

  /** Keeps the lines before a step. */
  private void begin(long step) throws IOException {
    end();
    StringBuilder kept = new StringBuilder();
    if (step > 1) {
      for (JsonNode line : lines(directory)) {
        if (line.path("step").asLong() < step) {
          kept.append(line).append('\n');
        }
      }
    }
    byte[] lines = kept.toString().getBytes(StandardCharsets.UTF_8);
    if (lines.length > 0) {
      directory.write(BEFORE, lines);
    }
    out = directory.createVisible(NAME);
    out.write(lines);
    flush();
    directory.delete(BEFORE);
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
    number(line, "tokens_per_second", rounded(1000 * report.tokens() / report.times().wall(), 10));
    number(line, "step_ms", rounded(report.times().total(), 1000));
    number(line, "wall_ms", rounded(report.times().wall(), 1000));
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

  private void end() throws IOException {
    if (out != null) {
      OutputStream ended = out;
      out = null;
      ended.close();
    }
  }

  /**
   * Writes what is still on its way.
   *
   * @throws UnwritableOutputException if a line is missing in the file
   */
  public synchronized void finish() {
    close();
    failure.ifPresent(
        missing -> {
          throw missing;
        });
  }

  @Override
  public synchronized void close() {
    try {
      end();
    } catch (IOException | RuntimeException | FSError unwritable) {
      if (failure.isEmpty()) {
        fail(unwritable);
      }
    }
  }
}
