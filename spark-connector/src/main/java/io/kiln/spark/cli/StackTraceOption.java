package io.kiln.spark.cli;

import picocli.CommandLine.Option;

/** Asks for more than one line of an error. */
final class StackTraceOption {
  @Option(
      names = "--stacktrace",
      description = "Print where an error came from, not just its line.")
  boolean wanted;
}
