package io.kiln.spark.cli;

import io.kiln.spark.console.ConsoleReport;
import io.kiln.spark.output.ModelFile;
import io.kiln.spark.output.OutputDirectory;
import io.kiln.spark.output.RunFolder;
import io.kiln.spark.output.TrainingSummary;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.util.ShutdownHookManager;

/**
 * What Ctrl-C or a SIGTERM does to a run: the console falls silent at once, Spark ends its
 * executors, and then one line says how far the run was and what is left of it.
 */
final class Interruption {
  /** After Spark's own hooks (40), before Hadoop closes its file systems (10). */
  private static final int AFTER_SPARK = 20;

  private static final long LAST_WRITES_SECONDS = 10;

  private enum State {
    RUNNING,
    STOPPED,
    OVER
  }

  private final PrintStream err;
  private final ConsoleReport console;
  private final String outputDir;
  private final Sequel sequel;
  private final Optional<RunFolder> folder;
  private final AtomicReference<State> state = new AtomicReference<>(State.RUNNING);
  private final CountDownLatch quiet = new CountDownLatch(1);
  private volatile Configuration hadoop = new Configuration();

  /**
   * Watches from now on until the run is {@link #over}.
   *
   * @param err hears the line
   * @param console of the run
   * @param outputDir of the job
   * @param sequel what goes on with the job
   * @param folder of the run, where {@code bin/kiln} started it
   */
  Interruption(
      PrintStream err,
      ConsoleReport console,
      String outputDir,
      Sequel sequel,
      Optional<RunFolder> folder) {
    this.err = err;
    this.console = console;
    this.outputDir = outputDir;
    this.sequel = sequel;
    this.folder = folder;
    Runtime.getRuntime().addShutdownHook(new Thread(this::stop, "kiln-interruption"));
    ShutdownHookManager.get().addShutdownHook(this::tell, AFTER_SPARK);
  }

  /** How the output directory is reached, once that is known. */
  void through(Configuration configuration) {
    hadoop = configuration;
  }

  /** Whether somebody has stopped the run, which fails whatever still runs in it. */
  boolean happened() {
    return state.get() == State.STOPPED;
  }

  private void stop() {
    if (state.compareAndSet(State.RUNNING, State.STOPPED)) {
      console.mute();
      // What Spark's threads say of being stopped is no news.
      System.setErr(new PrintStream(OutputStream.nullOutputStream()));
    }
  }

  /** Says that the run has ended, well or not, and writes no more. */
  void over() {
    state.compareAndSet(State.RUNNING, State.OVER);
    quiet.countDown();
  }

  private void tell() {
    stop();
    if (!happened()) {
      return;
    }
    try {
      quiet.await(LAST_WRITES_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException hurried) {
      Thread.currentThread().interrupt();
    }
    String when =
        console.step() == 0
            ? "before the first step"
            : "at step " + console.step() + " of " + console.steps();
    folder.ifPresent(RunFolder::removeTemporary);
    err.println("kiln: stopped " + when + "; " + left());
  }

  private String left() {
    try {
      OutputDirectory output = OutputDirectory.of(outputDir, hadoop);
      List<String> holds = new ArrayList<>(output.exists() ? output.names() : List.of());
      if (holds.contains(TrainingSummary.NAME)) {
        return "the model in " + output.shown() + " is complete";
      }
      if (holds.isEmpty()) {
        folder.ifPresent(RunFolder::withdraw);
        return "nothing is left of it";
      }
      holds.sort(null);
      String logs = folder.map(run -> "; logs are in " + run.logs()).orElse("");
      return output.shown()
          + " holds "
          + String.join(", ", holds)
          + (holds.contains(ModelFile.NAME) ? "" : " and no model")
          + sequel.told(hadoop)
          + logs;
    } catch (RuntimeException unreadable) {
      return "what is left in " + outputDir + " cannot be read: " + unreadable.getMessage();
    }
  }
}
