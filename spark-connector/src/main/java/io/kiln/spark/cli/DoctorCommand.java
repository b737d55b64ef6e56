package io.kiln.spark.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** Says what decides speed on this machine. */
@Command(
    name = "doctor",
    description =
        "Says what it finds on this machine, and what it costs where it stands in the way.",
    mixinStandardHelpOptions = true)
final class DoctorCommand implements Callable<Integer> {
  @Override
  public Integer call() {
    return 0;
  }
}
