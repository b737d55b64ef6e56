package io.kiln.spark.cli;

import io.kiln.engine.checkpoint.CheckpointException;
import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointManifest;
import io.kiln.engine.checkpoint.StoredShard;
import io.kiln.spark.barrier.OneLine;
import io.kiln.spark.checkpoint.CheckpointPath;
import io.kiln.spark.console.ByteProgress;
import io.kiln.spark.console.ByteSize;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Reads every byte of checkpoints. */
@Command(
    name = "verify",
    description = {
      "Reads every byte of a checkpoint and holds it against the manifest's checksums.",
      "",
      "Of a folder the newest checkpoint is read; if it is damaged, older ones too, until one is"
          + " whole: that is where a run would resume. Exit status: 0 what was read is whole, 1"
          + " something is damaged or missing (a line each), 2 there is no checkpoint."
    },
    mixinStandardHelpOptions = true)
final class CheckpointVerifyCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "PATH",
      description = "A folder of checkpoints, or one (…/global_step40).")
  private String path;

  @Option(names = "--all", description = "Read every checkpoint of the folder.")
  private boolean all;

  @Mixin private HadoopOptions hadoop;

  @Mixin private StackTraceOption stackTrace;

  @Spec private CommandSpec spec;

  private PrintWriter out;
  private PrintWriter err;
  private int faults;

  @Override
  public Integer call() throws IOException {
    out = spec.commandLine().getOut();
    err = spec.commandLine().getErr();
    try (CheckpointPath checkpoints =
        CheckpointPath.of(path, hadoop.configuration(System.getenv()))) {
      verify(checkpoints);
    }
    out.flush();
    return faults == 0 ? 0 : OneLineErrors.FAILURE;
  }

  private void verify(CheckpointPath checkpoints) throws IOException {
    CheckpointFolder folder = checkpoints.folder();
    OptionalLong newestWhole = OptionalLong.empty();
    boolean anyRead = false;
    for (long step : checkpoints.steps()) {
      if (isUnfinished(checkpoints, step)) {
        out.println(
            CheckpointFolder.name(step)
                + ": has no "
                + CheckpointManifest.FILE
                + ", its writer has not finished: no checkpoint");
        continue;
      }
      anyRead = true;
      if (verify(folder, step) && newestWhole.isEmpty()) {
        newestWhole = OptionalLong.of(step);
        if (!all) {
          break;
        }
      }
    }
    if (!anyRead) {
      checkpoints.newest(); // Says that there is none.
    }
    if (checkpoints.only().isEmpty()) {
      compareLatest(folder, newestWhole);
    }
  }

  /** Without a manifest a folder is damaged only if somebody took it for a checkpoint. */
  private static boolean isUnfinished(CheckpointPath checkpoints, long step) throws IOException {
    return checkpoints.only().isEmpty()
        && !checkpoints.folder().isPublished(step)
        && !checkpoints.folder().latest().equals(Optional.of(CheckpointFolder.name(step)));
  }

  private boolean verify(CheckpointFolder folder, long step) throws IOException {
    int before = faults;
    CheckpointManifest manifest;
    try {
      manifest = folder.manifest(step);
    } catch (CheckpointException unusable) {
      fault(unusable);
      return false;
    }
    int files = manifest.shards().size();
    out.println(
        CheckpointFolder.name(step)
            + ": "
            + files
            + (files == 1 ? " file, " : " files, ")
            + ByteSize.text(manifest.bytes()));
    int width = manifest.shards().stream().mapToInt(s -> s.file().length()).max().orElse(1);
    for (StoredShard shard : manifest.shards()) {
      boolean whole = verify(folder, step, shard);
      out.println(
          String.format(
              "  %-" + width + "s  %9s  %s",
              shard.file(),
              ByteSize.text(shard.length()),
              whole ? "whole" : "NOT WHOLE"));
      out.flush();
    }
    return faults == before;
  }

  /** A file that cannot be read is a fault as one with other bytes is; the next one is tried. */
  private boolean verify(CheckpointFolder folder, long step, StoredShard shard) {
    try (ByteProgress progress =
        Boolean.getBoolean("kiln.terminal")
            ? ByteProgress.bar(shard.file(), shard.length(), System.out)
            : ByteProgress.lines(shard.file(), shard.length(), err)) {
      folder.verify(step, shard, progress);
      return true;
    } catch (IOException damaged) {
      fault(damaged);
      return false;
    }
  }

  private void fault(IOException damage) {
    faults++;
    out.flush();
    err.println("kiln: " + OneLine.of(damage));
  }

  private void compareLatest(CheckpointFolder folder, OptionalLong newestWhole) throws IOException {
    String where = folder.store().location();
    if (newestWhole.isEmpty()) {
      out.println("no checkpoint in " + where + " is whole");
      return;
    }
    String newest = CheckpointFolder.name(newestWhole.getAsLong());
    Optional<String> latest = folder.latest();
    if (!latest.equals(Optional.of(newest))) {
      out.println(
          "note: "
              + latest
                  .map(name -> "latest names " + OneLine.first(name))
                  .orElse("there is no latest")
              + ", the newest whole checkpoint is "
              + newest
              + ", where a run would resume");
    }
  }
}
