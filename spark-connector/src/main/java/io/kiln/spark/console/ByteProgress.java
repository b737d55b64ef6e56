package io.kiln.spark.console;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.function.LongConsumer;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * How many bytes of so many have gone by: a bar on a terminal that goes when it is closed, a line
 * every few seconds elsewhere.
 */
public final class ByteProgress implements LongConsumer, AutoCloseable {
  private static final long LINE_NANOS = Duration.ofSeconds(5).toNanos();

  private final String task;
  private final long total;
  private final PrintWriter lines;
  private final ProgressBar bar;
  private long done;
  private long lastLine = System.nanoTime();

  private ByteProgress(String task, long total, PrintWriter lines, ProgressBar bar) {
    this.task = task;
    this.total = total;
    this.lines = lines;
    this.bar = bar;
  }

  /** On a terminal that can overwrite its last line. */
  public static ByteProgress bar(String task, long total, PrintStream terminal) {
    return new ByteProgress(
        task,
        total,
        null,
        new ProgressBarBuilder()
            .setTaskName(task)
            .setInitialMax(total)
            .setUnit(" MB", 1_000_000)
            .setStyle(ProgressBarStyle.COLORFUL_UNICODE_BLOCK)
            .setUpdateIntervalMillis(250)
            .showSpeed()
            .clearDisplayOnFinish()
            .setConsumer(new Vanishing(terminal))
            .build());
  }

  /** Where lines stay. */
  public static ByteProgress lines(String task, long total, PrintWriter lines) {
    return new ByteProgress(task, total, lines, null);
  }

  /** Ends without the empty line that the library's own leaves. */
  private static final class Vanishing extends ConsoleProgressBarConsumer {
    private final PrintStream terminal;

    Vanishing(PrintStream terminal) {
      super(terminal);
      this.terminal = terminal;
    }

    @Override
    public void close() {
      terminal.flush();
    }
  }

  /** So many more. */
  @Override
  public void accept(long bytes) {
    done += bytes;
    if (bar != null) {
      bar.stepTo(done);
    } else if (System.nanoTime() - lastLine > LINE_NANOS) {
      lastLine = System.nanoTime();
      lines.println(task + ": " + ByteSize.text(done) + " of " + ByteSize.text(total));
      lines.flush();
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
