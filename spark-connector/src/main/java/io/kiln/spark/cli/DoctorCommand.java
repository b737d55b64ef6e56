package io.kiln.spark.cli;

import io.kiln.spark.doctor.Examination;
import io.kiln.spark.doctor.Finding;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** Says what decides speed on this machine. */
@Command(
    name = "doctor",
    description = {
      "Looks at what decides speed on this machine: processor, libtorch and its BLAS kernel"
          + " (measured in a process of its own), threads, huge pages, malloc, GPU, Spark and its"
          + " slots, disk and shared memory.",
      "",
      "A line each; behind an arrow, what it costs and how it is mended."
    },
    mixinStandardHelpOptions = true)
final class DoctorCommand implements Callable<Integer> {
  @Override
  public Integer call() {
    Installation installation = Installation.ofThisProcess();
    new Examination(installation.jars(), installation.natives(), System.getenv())
        .findings().stream().map(Finding::line).forEach(System.out::println);
    return 0;
  }
}
