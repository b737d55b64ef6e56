package io.kiln.spark.cli;

import io.kiln.datasource.DataException;
import io.kiln.engine.config.ConfigException;
import io.kiln.spark.barrier.OneLine;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
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
  /** Something in the input cannot be used. */
  static final int BAD_INPUT = 2;

  /** Anything else. */
  static final int FAILURE = 1;

  @Spec private CommandSpec spec;

  private Kiln() {}

  /** The process's entry. */
  public static void main(String[] arguments) {
    System.exit(commandLine().execute(arguments));
  }

  static CommandLine commandLine() {
    CommandLine kiln =
        new CommandLine(new Kiln())
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setParameterExceptionHandler(Kiln::misused)
            .setExecutionExceptionHandler(Kiln::failed)
            .setUsageHelpWidth(100);
    // What stands behind a benchmark's name is the benchmark's.
    kiln.getSubcommands().get("bench").setStopAtPositional(true);
    return kiln;
  }

  @Override
  public Integer call() {
    throw new ParameterException(spec.commandLine(), "no command given");
  }

  private static int misused(ParameterException error, String[] arguments) {
    CommandLine command = error.getCommandLine();
    StringBuilder line = new StringBuilder(OneLine.first(error.getMessage()));
    java.util.List<String> near = new java.util.ArrayList<>();
    if (error instanceof CommandLine.UnmatchedArgumentException unmatched) {
      near.addAll(unmatched.getSuggestions());
    }
    if (!near.isEmpty()) {
      line.append(" (did you mean \"").append(near.get(0)).append("\"?)");
    }
    command
        .getErr()
        .println("kiln: " + line + "; see " + command.getCommandSpec().qualifiedName() + " --help");
    return BAD_INPUT;
  }

  private static int failed(Exception error, CommandLine command, ParseResult arguments) {
    command.getErr().println("kiln: " + OneLine.of(error));
    ParseResult innermost = arguments;
    while (innermost.hasSubcommand()) {
      innermost = innermost.subcommand();
    }
    if (innermost.hasMatchedOption("--stacktrace")) {
      error.printStackTrace(command.getErr());
    }
    return error instanceof ConfigException || error instanceof DataException ? BAD_INPUT : FAILURE;
  }
}
