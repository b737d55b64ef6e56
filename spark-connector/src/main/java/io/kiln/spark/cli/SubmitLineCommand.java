package io.kiln.spark.cli;

import io.kiln.spark.cluster.RankEnvironment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What a Spark that is not Kiln's has to be told. */
@Command(
    name = "submit-line",
    description = {
      "Prints the line that submits a job to a cluster with a Spark of its own.",
      "",
      "It is one spark-submit command without master and job file: put --master behind"
          + " spark-submit if your configuration does not name one, and the job file (and --set …)"
          + " at the end. Spark has to be 4.2 with Scala 2.13, on Java 17 or newer."
    },
    mixinStandardHelpOptions = true)
final class SubmitLineCommand implements Callable<Integer> {
  @Option(
      names = "--cpus",
      paramLabel = "N",
      defaultValue = "1",
      description = "Cores of a rank (spark.task.cpus). Default: ${DEFAULT-VALUE}.")
  private int cpus;

  @Override
  public Integer call() {
    System.out.println(line(Installation.ofThisProcess(), cpus));
    return 0;
  }

  static String line(Installation installation, int cpus) {
    List<String> words = new ArrayList<>(List.of("spark-submit"));
    words.addAll(List.of("--class", TrainingApplication.class.getName()));
    words.add("--jars");
    words.add(
        installation.librariesForForeignSpark().stream()
            .map(Path::toString)
            .collect(Collectors.joining(",")));
    List<String> settings = new ArrayList<>();
    settings.add("spark.task.cpus=" + cpus);
    settings.add("spark.dynamicAllocation.enabled=false");
    settings.add("spark.speculation=false");
    settings.add("spark.scheduler.barrier.maxConcurrentTasksCheck.interval=1s");
    settings.add(
        "spark.executor.extraJavaOptions=" + String.join(" ", RankEnvironment.javaOptions()));
    settings.add(
        "spark.driver.extraJavaOptions=" + String.join(" ", RankEnvironment.javaOptions()));
    // The executors are the cluster's: they inherit nothing from the shell that prints this.
    RankEnvironment.executorSettings(cpus, Map.of())
        .forEach((name, value) -> settings.add(name + "=" + value));
    for (String setting : settings) {
      words.add("--conf");
      words.add(setting);
    }
    words.add(installation.applicationJar().toString());
    return words.stream().map(SubmitLineCommand::quoted).collect(Collectors.joining(" "));
  }

  private static String quoted(String word) {
    return word.matches("[\\w@%+=:,./-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
  }
}
