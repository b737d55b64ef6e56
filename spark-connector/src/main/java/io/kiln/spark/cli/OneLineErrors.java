package io.kiln.spark.cli;

import io.kiln.datasource.DataException;
import io.kiln.engine.config.ConfigException;
import io.kiln.spark.barrier.OneLine;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/**
 * How a command of Kiln's ends that cannot do what it was asked: with one line that begins with
 * {@code kiln:}, and status 2 where something in the input cannot be used, 1 for anything else.
 */
public final class OneLineErrors {
  /** Something in the input cannot be used. */
  public static final int BAD_INPUT = 2;

  /** Anything else. */
  public static final int FAILURE = 1;

  private OneLineErrors() {}

  /** Makes a command, its subcommands too, end so; gives it back. */
  public static CommandLine of(CommandLine command) {
    return command
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setParameterExceptionHandler(OneLineErrors::misused)
        .setExecutionExceptionHandler(OneLineErrors::failed)
        .setUsageHelpWidth(100);
  }

  private static int misused(ParameterException error, String[] arguments) {
    CommandLine command = error.getCommandLine();
    StringBuilder line = new StringBuilder(OneLine.first(error.getMessage()));
    if (error instanceof CommandLine.UnmatchedArgumentException unmatched
        && !unmatched.getSuggestions().isEmpty()) {
      line.append(" (did you mean \"").append(unmatched.getSuggestions().get(0)).append("\"?)");
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
