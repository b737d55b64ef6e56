package io.kiln.spark.cli;

import io.kiln.spark.cluster.RankEnvironment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.spark.launcher.JavaModuleOptions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Measures. The benchmarks themselves are classes of the module {@code it}. */
@Command(
    name = "bench",
    description = {
      "Measures this machine and Kiln on it.",
      "",
      "  step         training steps at every ZeRO stage beside the bare libtorch loop",
      "  curves       a job's losses at every ZeRO stage and number of ranks: equal to 1e-3 or not",
      "  collectives  all-reduce, reduce-scatter and all-gather beside a plain copy",
      "  spark        what the barrier stage costs beside plain processes",
      "  checkpoint   what checkpoints cost the steps; write and read rate beside a plain copy",
      "  chaos        executors are killed while a job trains: what it costs, and that nothing is lost",
      "",
      "Options behind the name go to the benchmark: kiln bench step --help lists them."
    },
    mixinStandardHelpOptions = true)
final class BenchCommand implements Callable<Integer> {
  /** The benchmarks. */
  enum Benchmark {
    STEP("io.kiln.it.bench.StepBenchmark"),
    CURVES("io.kiln.it.bench.CurvesBenchmark"),
    COLLECTIVES("io.kiln.it.bench.CollectivesBenchmark"),
    SPARK("io.kiln.it.bench.SparkBenchmark"),
    CHECKPOINT("io.kiln.it.bench.CheckpointBenchmark"),
    CHAOS("io.kiln.it.bench.ChaosBenchmark");

    private final String mainClass;

    Benchmark(String mainClass) {
      this.mainClass = mainClass;
    }

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Parameters(paramLabel = "NAME", description = "${COMPLETION-CANDIDATES}")
  private Benchmark benchmark;

  @Parameters(index = "1..*", hidden = true)
  private List<String> options = new ArrayList<>();

  @Override
  public Integer call() {
    Installation installation = Installation.ofThisProcess();
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    Arrays.stream(JavaModuleOptions.defaultModuleOptionArray())
        .filter(option -> !option.contains("jdk.incubator.vector"))
        .forEach(command::add);
    command.addAll(RankEnvironment.javaOptions());
    command.add("-Dkiln.root=" + installation.root());
    command.add("-Dkiln.home=" + installation.sparkHome());
    command.add("-Dkiln.terminal=" + installation.terminal());
    command.add("-cp");
    command.add(installation.jars() + "/*");
    command.add(benchmark.mainClass);
    command.addAll(options);
    new Handover(
            Map.of(
                "SPARK_HOME",
                installation.sparkHome().toString(),
                "SPARK_SCALA_VERSION",
                "2.13",
                "SPARK_LOCAL_IP",
                "127.0.0.1"),
            List.of(),
            command)
        .write(installation.handover());
    return 0;
  }
}
