package io.kiln.spark.console;

import io.kiln.engine.train.EvaluationReport;
import io.kiln.engine.train.StepReport;
import io.kiln.spark.barrier.RunListener;
import io.kiln.spark.barrier.RunStart;
import java.io.OutputStream;
import java.io.PrintStream;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * What a person sees of a run: a progress bar on a terminal, a line now and then elsewhere, each
 * with loss, tokens (of an mlp: rows) a second and the time left.
 */
public final class ConsoleReport implements RunListener, AutoCloseable {
  private static final long PLAIN_LINE_NANOS = Duration.ofSeconds(5).toNanos();

  /** The model that learns from rows, not tokens. */
  private static final String MLP = "mlp";

  /** Share of the latest step in the shown speed. */
  private static final double LATEST = 0.1;

  private PrintStream out;
  private final boolean terminal;
  private OptionalLong linesEvery = OptionalLong.empty();
  private final Set<String> remarks = new LinkedHashSet<>();
  private long steps;
  private long step;
  private boolean restarted;
  private String unit = "";
  private int globalBatch;
  private ProgressBar bar;
  private double millis;
  private double lastLoss = Double.NaN;
  private String phase = "";
  private long plainLine;

  /**
   * @param terminal whether lines can be overwritten: a bar; where not, a line after as many steps
   *     as the run's configuration says, or every few seconds
   */
  public ConsoleReport(PrintStream out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
  }

  @Override
  public synchronized void onStart(RunStart start) {
    steps = start.steps();
    unit = start.modelType().equals(MLP) ? "rows" : "tokens";
    globalBatch = start.globalBatch();
    linesEvery = start.stepsPerPrint();
    line(
        String.format(
            Locale.ROOT,
            "%s of %,d parameters, %s, on %d %s at ZeRO stage %d; %,d %s of data,"
                + " %,d steps of %d samples; %s a rank",
            start.modelType(),
            start.parameters(),
            start.dtype(),
            start.ranks(),
            start.ranks() == 1 ? "rank" : "ranks",
            start.zeroStage(),
            start.units(),
            unit,
            start.steps(),
            start.globalBatch(),
            megabytes(start.bytesPerRank())));
    if (terminal) {
      bar =
          new ProgressBarBuilder()
              .setTaskName("train")
              .setInitialMax(steps)
              .setStyle(ProgressBarStyle.COLORFUL_UNICODE_BLOCK)
              .setUpdateIntervalMillis(500)
              .hideEta()
              .setConsumer(new ConsoleProgressBarConsumer(out))
              .build();
      bar.setExtraMessage(" starting");
    }
  }

  private static String megabytes(Map<String, Long> bytes) {
    long sum = bytes.values().stream().mapToLong(Long::longValue).sum();
    return String.format(Locale.ROOT, "%,.1f MB", sum / 1e6);
  }

  /** A line that stays. */
  public synchronized void line(String text) {
    if (bar != null) {
      out.print("\r\033[K");
    }
    out.println(text);
    if (bar != null) {
      bar.refresh();
    }
  }

  @Override
  public synchronized void onProgress(int rank, String now, long step) {
    if (rank != 0 || now.equals(phase)) {
      return;
    }
    phase = now;
    if (bar != null && (step == 0 || !now.equals("training"))) {
      bar.setExtraMessage(" " + now);
    } else if (bar == null && !now.equals("training")) {
      out.println(now);
    }
  }

  @Override
  public synchronized void onStep(StepReport report) {
    lastLoss = report.loss();
    step = report.step();
    millis =
        millis == 0 || report.step() <= 2
            ? report.times().wall()
            : (1 - LATEST) * millis + LATEST * report.times().wall();
    if (bar != null) {
      bar.setExtraMessage(" " + told(report));
      bar.stepTo(report.step());
      return;
    }
    long now = System.nanoTime();
    boolean due =
        linesEvery.isPresent()
            ? report.step() % linesEvery.getAsLong() == 0
            : now - plainLine > PLAIN_LINE_NANOS;
    if (due || report.step() == 1 || report.step() == steps) {
      plainLine = now;
      out.println("step " + report.step() + "/" + steps + "  " + told(report));
    }
  }

  private String told(StepReport report) {
    long left = (long) (millis * Math.max(0, steps - report.step()) / 1000);
    return String.format(
        Locale.ROOT,
        "loss %.4f%s  %,.0f %s/s  %s left",
        report.loss(),
        report.skipped() ? " (overflow, skipped)" : "",
        // A row can have several targets.
        1000 * (unit.equals("rows") ? globalBatch : report.tokens()) / millis,
        unit,
        duration(left));
  }

  static String duration(long seconds) {
    return seconds < 60
        ? seconds + " s"
        : seconds < 3600
            ? String.format(Locale.ROOT, "%d:%02d min", seconds / 60, seconds % 60)
            : String.format(Locale.ROOT, "%d:%02d h", seconds / 3600, seconds % 3600 / 60);
  }

  @Override
  public synchronized void onEvaluation(EvaluationReport report) {
    line(
        String.format(
            Locale.ROOT,
            "step %d  validation loss %.4f over %,d targets",
            report.step(),
            report.loss(),
            report.targets()));
  }

  @Override
  public synchronized void onResume(long step, String where) {
    line("going on after step " + step + " from " + where);
    millis = 0;
    if (bar != null) {
      bar.stepTo(step);
    }
  }

  /** At the first start this goes without saying. */
  @Override
  public synchronized void onBeginning() {
    if (restarted) {
      line("beginning anew with step 1: there was no checkpoint to go on from");
    }
  }

  @Override
  public synchronized void onRemark(int rank, String text) {
    if (remarks.add(text)) {
      line("note: " + text);
    }
  }

  @Override
  public synchronized void onRestart(int attempt, String cause) {
    restarted = true;
    line("all ranks start again: " + cause);
    millis = 0;
    if (bar != null) {
      bar.stepTo(0);
    }
  }

  /** The latest loss; not a number before the first step. */
  public synchronized double lastLoss() {
    return lastLoss;
  }

  /** The latest step that was taken; 0 before the first. */
  public synchronized long step() {
    return step;
  }

  /** Steps to take; 0 before that is known. */
  public synchronized long steps() {
    return steps;
  }

  /** Ends the bar and says nothing more: what comes now is the noise of an end. */
  public synchronized void mute() {
    close();
    out = new PrintStream(OutputStream.nullOutputStream());
  }

  @Override
  public synchronized void close() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
  }
}
