package io.kiln.it.bench;

import io.kiln.engine.tensor.Dtype;
import io.kiln.spark.cli.OneLineErrors;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;

/** What all benchmarks' command lines have in common: how they read values and tell errors. */
final class BenchmarkCommand {
  /** What the floor is written for. */
  private static final List<Dtype> DTYPES = List.of(Dtype.FP32, Dtype.BF16);

  private BenchmarkCommand() {}

  /** A benchmark's command line; bad input is one line and status 2. */
  static CommandLine of(Callable<Integer> benchmark) {
    return OneLineErrors.of(new CommandLine(benchmark))
        .registerConverter(GptShape.class, BenchmarkCommand::shape)
        .registerConverter(Dtype.class, BenchmarkCommand::dtype);
  }

  /** Runs a benchmark; the exit status. */
  static int run(Callable<Integer> benchmark, String[] arguments) {
    return of(benchmark).execute(arguments);
  }

  /**
   * Refuses options that a type alone does not refuse.
   *
   * @param rule what does not hold, such as "--ranks is at least 1"
   */
  static void demand(CommandSpec spec, boolean holds, String rule) {
    if (!holds) {
      throw new ParameterException(spec.commandLine(), rule);
    }
  }

  private static GptShape shape(String name) {
    try {
      return GptShape.named(name);
    } catch (IllegalArgumentException unknown) {
      throw new TypeConversionException(unknown.getMessage());
    }
  }

  private static Dtype dtype(String name) {
    return DTYPES.stream()
        .filter(dtype -> dtype.label().equals(name.toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () ->
                new TypeConversionException(
                    "no dtype "
                        + name
                        + ": choose from "
                        + DTYPES.stream().map(Dtype::label).toList()));
  }
}
