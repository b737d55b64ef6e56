package io.kiln.spark.cli;

import io.kiln.spark.barrier.OneLine;
import io.kiln.spark.output.RunFolder;
import org.apache.spark.deploy.SparkSubmit;

/**
 * What {@code bin/kiln} starts as the driver: Spark's SparkSubmit, and one line and a clean place
 * where that ends before the application has begun. Once that has, it answers for itself.
 */
public final class DriverLaunch {
  /** Seen by whatever class loader the application has. */
  private static final String BEGUN = "kiln.run.begun";

  private DriverLaunch() {}

  /** The process's entry; the arguments are SparkSubmit's. */
  public static void main(String[] arguments) {
    Runtime.getRuntime().addShutdownHook(new Thread(DriverLaunch::withdraw, "kiln-withdrawal"));
    try {
      SparkSubmit.main(arguments);
      // It may only have handed the application to a cluster.
      applicationBegins();
    } catch (Throwable failure) {
      System.err.println("kiln: Spark does not start: " + OneLine.of(failure));
      System.exit(OneLineErrors.FAILURE);
    }
  }

  /** The application tells; from here on the run's folder is its own business. */
  static void applicationBegins() {
    System.setProperty(BEGUN, "true");
  }

  private static void withdraw() {
    if (!Boolean.getBoolean(BEGUN)) {
      RunFolder.ofThisProcess().ifPresent(RunFolder::withdraw);
    }
  }
}
