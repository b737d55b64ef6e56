package io.kiln.spark.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Kiln's command line: {@code bin/kiln}. */
@Command(
    name = "kiln",
    description = {
      "Trains large neural networks inside Apache Spark.",
      "",
      "A job file says what, on which data, and where; @|bold kiln train|@ runs it.",
      "Exit status: 0 done, 2 something in the input cannot be used, 1 anything else; 130 or 143"
          + " where Ctrl-C or a SIGTERM stopped a run."
    },
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      TrainCommand.class,
      DoctorCommand.class,
      CheckpointCommand.class,
      BenchCommand.class,
      SubmitLineCommand.class,
      CommandLine.HelpCommand.class
    },
    mixinStandardHelpOptions = true,
    versionProvider = Version.class)
public final class Kiln implements Callable<Integer> {
  @Spec private CommandSpec spec;

  private Kiln() {}

  /** The process's entry. */
  public static void main(String[] arguments) {
    System.exit(commandLine().execute(arguments));
  }

  static CommandLine commandLine() {
    CommandLine kiln = OneLineErrors.of(new CommandLine(new Kiln()));
    // What stands behind a benchmark's name is the benchmark's.
    kiln.getSubcommands().get("bench").setStopAtPositional(true);
    return kiln;
  }

  @Override
  public Integer call() {
    throw new ParameterException(spec.commandLine(), "no command given");
  }
}
