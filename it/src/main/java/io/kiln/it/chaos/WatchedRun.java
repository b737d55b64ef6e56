package io.kiln.it.chaos;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A process that trains ({@code bin/kiln train} or another driver), whose console is read as it
 * comes. Tells every step. Closing it kills what is left of it.
 */
public final class WatchedRun implements AutoCloseable {
  private final Process process;
  private final Path outputDir;
  private final Path errors;
  private final RunStory story = new RunStory();
  private final Thread reader;

  private WatchedRun(Process process, Path outputDir, Path errors) {
    this.process = process;
    this.outputDir = outputDir;
    this.errors = errors;
    this.reader = new Thread(this::read, "console of " + outputDir.getFileName());
    reader.setDaemon(true);
    reader.start();
  }

  /**
   * Starts {@code bin/kiln train}.
   *
   * @param root of the checkout
   * @param outputDir of the run, which makes it
   * @param environment variables that are added
   */
  public static WatchedRun start(
      Path root, Path job, List<String> overrides, Path outputDir, Map<String, String> environment)
      throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(root.resolve("bin/kiln").toString(), "train", job.toAbsolutePath().toString()));
    List<String> all = new ArrayList<>(overrides);
    all.add("deepspeed.steps_per_print=1");
    all.add("output_dir=" + outputDir);
    all.forEach(override -> command.addAll(List.of("--set", override)));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().putAll(environment);
    return start(builder, outputDir);
  }

  /** Starts another command that trains and tells every step. */
  public static WatchedRun start(ProcessBuilder command, Path outputDir) throws IOException {
    Path errors = Files.createTempFile("kiln-watched", ".txt");
    Process process = command.redirectError(errors.toFile()).start();
    process.getOutputStream().close();
    return new WatchedRun(process, outputDir, errors);
  }

  private void read() {
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        story.heard(line, System.nanoTime());
      }
    } catch (IOException closed) {
      // With the process.
    }
    try {
      story.end(errors());
    } catch (IOException removed) {
      story.end("");
    }
  }

  /** What it says. */
  public RunStory story() {
    return story;
  }

  /** Where it writes. */
  public Path outputDir() {
    return outputDir;
  }

  /** Its executors, where they are processes of this machine that log into the output directory. */
  public List<ProcessHandle> executors() {
    return RunProcesses.executors(outputDir);
  }

  /** What it said on its other stream. */
  public String errors() throws IOException {
    return Files.readString(errors);
  }

  /** SIGTERM to the driver. */
  public void terminate() {
    process.destroy();
  }

  /** Its exit status; kills it if it does not end. */
  public int await(Duration longest) throws InterruptedException, IOException {
    if (!process.waitFor(longest.toMillis(), TimeUnit.MILLISECONDS)) {
      close();
      throw new IllegalStateException(
          "still running after " + longest.toSeconds() + " s:\n" + story.text());
    }
    reader.join(1000);
    return process.exitValue();
  }

  /**
   * Waits until it ends well.
   *
   * @throws IllegalStateException with what it said if it does not
   */
  public void awaitSuccess(Duration longest) throws InterruptedException, IOException {
    int status = await(longest);
    if (status != 0) {
      throw new IllegalStateException("the run ended with status " + status + ":\n" + story.text());
    }
  }

  @Override
  public void close() throws IOException {
    process.destroyForcibly();
    RunProcesses.all(outputDir).forEach(ProcessHandle::destroyForcibly);
    Files.deleteIfExists(errors);
  }
}
