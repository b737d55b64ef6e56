package io.kiln.it;

import io.kiln.it.chaos.RunProcesses;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** {@code bin/kiln}, or another command, as a process of its own, as a person would run it. */
final class KilnRun implements AutoCloseable {
  /** The checkout. */
  static final Path ROOT = Path.of("").toAbsolutePath().getParent();

  private final Process process;
  private final Path out;
  private final Path err;

  private KilnRun(Process process, Path out, Path err) {
    this.process = process;
    this.out = out;
    this.err = err;
  }

  /** Starts {@code bin/kiln} in a folder. */
  static KilnRun start(Path folder, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(ROOT.resolve("bin/kiln").toString()));
    command.addAll(Arrays.asList(arguments));
    return of(folder, new ProcessBuilder(command));
  }

  /** Starts another command in a folder. */
  static KilnRun of(Path folder, ProcessBuilder command) throws IOException {
    Path out = Files.createTempFile(folder, "stdout", ".txt");
    Path err = Files.createTempFile(folder, "stderr", ".txt");
    Process process =
        command
            .directory(folder.toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start();
    process.getOutputStream().close();
    return new KilnRun(process, out, err);
  }

  /** Runs {@code bin/kiln} to its end. */
  static KilnRun ended(Path folder, String... arguments) throws IOException, InterruptedException {
    KilnRun run = start(folder, arguments);
    run.await(Duration.ofMinutes(4));
    return run;
  }

  /** Exit status, once it has ended. */
  int await(Duration longest) throws InterruptedException {
    if (!process.waitFor(longest.toMillis(), TimeUnit.MILLISECONDS)) {
      close();
      throw new AssertionError("still running after " + longest + ": " + out() + err());
    }
    return process.exitValue();
  }

  /** Processes that it has started, of any generation. */
  List<ProcessHandle> descendants() {
    return process.descendants().toList();
  }

  int status() {
    return process.exitValue();
  }

  boolean running() {
    return process.isAlive();
  }

  String out() {
    return text(out);
  }

  String err() {
    return text(err);
  }

  /** Lines of both, for messages of assertions. */
  String said() {
    return out() + err();
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException gone) {
      throw new AssertionError(gone);
    }
  }

  /** SIGTERM to the process that was started. */
  void terminate() {
    process.destroy();
  }

  /** Waits for something that the run brings about. */
  void awaitThat(String what, BooleanSupplier holds) throws InterruptedException {
    await(what, () -> !running(), holds, this);
  }

  /** Waits for something. */
  static void awaitGone(String what, BooleanSupplier holds) throws InterruptedException {
    await(what, () -> false, holds, null);
  }

  private static void await(String what, BooleanSupplier never, BooleanSupplier holds, KilnRun run)
      throws InterruptedException {
    long end = System.nanoTime() + Duration.ofMinutes(2).toNanos();
    while (!holds.getAsBoolean()) {
      if (never.getAsBoolean() || System.nanoTime() > end) {
        throw new AssertionError("never: " + what + (run == null ? "" : ": " + run.said()));
      }
      Thread.sleep(50);
    }
  }

  /** Executors that log into a folder, as processes of this machine. */
  static List<ProcessHandle> executors(Path outputDir) {
    return RunProcesses.executors(outputDir);
  }

  @Override
  public void close() {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }
}
