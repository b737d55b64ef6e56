package io.kiln.spark.cli;

import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointManifest;
import io.kiln.spark.checkpoint.CheckpointPath;
import io.kiln.spark.checkpoint.CheckpointSummary;
import io.kiln.spark.checkpoint.ManifestText;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Tells what is in a folder of checkpoints, and what a manifest says. */
@Command(
    name = "inspect",
    description = {
      "Lists the checkpoints of a folder and tells what the newest one's manifest says, or that of"
          + " the one that PATH names.",
      "",
      "\"whole\" means here that the manifest is sound and every file is there at its length;"
          + " @|bold kiln checkpoint verify|@ reads them. Exit status: 0 told, 1 the checkpoint is"
          + " not whole, 2 there is none."
    },
    mixinStandardHelpOptions = true)
final class CheckpointInspectCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "PATH",
      description = "A folder of checkpoints, or one (…/global_step40).")
  private String path;

  @Option(
      names = "--json",
      description = "Print the manifest as it is, of the newest checkpoint or the named one.")
  private boolean json;

  @Mixin private HadoopOptions hadoop;

  @Mixin private StackTraceOption stackTrace;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    try (CheckpointPath checkpoints =
        CheckpointPath.of(path, hadoop.configuration(System.getenv()))) {
      return json ? print(checkpoints) : inspect(checkpoints);
    }
  }

  private int print(CheckpointPath checkpoints) throws IOException {
    CheckpointManifest manifest = checkpoints.folder().manifest(checkpoints.newest());
    PrintWriter out = spec.commandLine().getOut();
    out.print(new String(manifest.toBytes(), StandardCharsets.UTF_8));
    out.flush();
    return 0;
  }

  private int inspect(CheckpointPath checkpoints) throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    List<CheckpointSummary> all = new ArrayList<>();
    for (long step : checkpoints.steps()) {
      all.add(CheckpointSummary.of(checkpoints.folder(), step));
    }
    if (checkpoints.only().isEmpty()) {
      list(checkpoints.folder(), all, out);
    }
    Optional<CheckpointSummary> told =
        all.stream()
            .filter(CheckpointSummary::isWhole)
            .findFirst()
            .or(() -> all.stream().filter(one -> one.manifest().isPresent()).findFirst());
    told.ifPresent(one -> tell(checkpoints.folder(), one, out));
    out.flush();
    if (checkpoints.only().isPresent()) {
      all.get(0).faults().forEach(fault -> spec.commandLine().getErr().println("kiln: " + fault));
    } else if (all.stream().noneMatch(CheckpointSummary::isWhole)) {
      spec.commandLine()
          .getErr()
          .println(
              "kiln: no checkpoint in " + checkpoints.folder().store().location() + " is whole");
    }
    return told.filter(CheckpointSummary::isWhole).isPresent() ? 0 : OneLineErrors.FAILURE;
  }

  private static void list(CheckpointFolder folder, List<CheckpointSummary> all, PrintWriter out)
      throws IOException {
    out.println(
        folder.store().location()
            + ": "
            + all.size()
            + (all.size() == 1 ? " checkpoint" : " checkpoints")
            + folder
                .latest()
                .map(name -> ", latest names " + name.lines().findFirst().orElse("nothing"))
                .orElse(", no latest"));
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("", "size", "written", "ranks", "stage", "dtype", ""));
    for (CheckpointSummary one : all) {
      rows.add(row(one));
    }
    print(rows, out);
    out.println();
  }

  private static List<String> row(CheckpointSummary one) {
    Optional<ManifestText> text = one.manifest().map(ManifestText::new);
    List<String> cells = new ArrayList<>();
    cells.add(CheckpointFolder.name(one.step()));
    cells.add(text.map(ManifestText::size).orElse("-"));
    cells.add(text.map(ManifestText::written).orElse("-"));
    cells.add(text.map(ManifestText::ranks).orElse("-"));
    cells.add(text.map(ManifestText::stage).orElse("-"));
    cells.add(text.map(ManifestText::dtype).orElse("-"));
    int more = one.faults().size() - 1;
    cells.add(
        one.isWhole()
            ? "whole"
            : "not whole: " + one.faults().get(0) + (more > 0 ? " (and " + more + " more)" : ""));
    return cells;
  }

  private static void print(List<List<String>> rows, PrintWriter out) {
    int columns = rows.get(0).size();
    int[] widths = new int[columns];
    for (List<String> row : rows) {
      for (int column = 0; column < columns; column++) {
        widths[column] = Math.max(widths[column], row.get(column).length());
      }
    }
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int column = 0; column < columns; column++) {
        String cell = row.get(column);
        line.append("  ").append(cell);
        line.append(" ".repeat(column == columns - 1 ? 0 : widths[column] - cell.length()));
      }
      out.println(line.toString().stripTrailing());
    }
  }

  private static void tell(CheckpointFolder folder, CheckpointSummary one, PrintWriter out) {
    out.println(folder.where(one.step()));
    new ManifestText(one.manifest().orElseThrow()).lines().forEach(out::println);
  }
}
