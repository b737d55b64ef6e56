package io.kiln.spark.cli;

import io.kiln.spark.cluster.DriverHeap;
import io.kiln.spark.cluster.RankEnvironment;
import io.kiln.spark.cluster.SparkMaster;
import io.kiln.spark.job.SparkSection;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.launcher.JavaModuleOptions;

/**
 * The driver's process as {@code bin/kiln} starts it, with Spark's own SparkSubmit inside: its
 * environment, its JVM's options, its Spark settings. What the job's own {@code spark.conf} says
 * comes last and wins.
 *
 * @param home whose {@code jars} hold Spark and Kiln; executors of this machine write beside it
 * @param logs folder for the logs of the driver and of executors on this machine
 */
public record DriverProcess(Path home, Path logs) {
  /**
   * For jstat and its like a JVM samples itself 20 times a second; once will do. Where ranks
   * compute on every core, what takes a slice from one of them makes all wait.
   */
  private static final String FEW_SAMPLES = "-XX:PerfDataSamplingInterval=1000";

  private static final String LOG_CONFIGURATION = "classpath:io/kiln/spark/log4j2-run.properties";

  /** Variables of the driver's environment. */
  public Map<String, String> environment(SparkSection spark, Map<String, String> inherited) {
    Map<String, String> set = new LinkedHashMap<>();
    set.put("SPARK_HOME", home.toString());
    set.put("SPARK_SCALA_VERSION", "2.13");
    if (spark.master().startsItsExecutors()) {
      set.put("SPARK_LOCAL_IP", "127.0.0.1");
    }
    set.putAll(RankEnvironment.variables(threadsOfDriver(spark), inherited));
    return set;
  }

  /** In local mode the driver's threads are the ranks; elsewhere it computes next to nothing. */
  private static int threadsOfDriver(SparkSection spark) {
    return spark.cpusPerTask();
  }

  /** Arguments behind the {@code java} program. */
  public List<String> javaArguments(SparkSection spark) {
    List<String> arguments = new ArrayList<>();
    // The vector module prints a warning on every start; Spark uses it only if it is there.
    Arrays.stream(JavaModuleOptions.defaultModuleOptionArray())
        .filter(option -> !option.contains("jdk.incubator.vector"))
        .forEach(arguments::add);
    arguments.add(DriverHeap.of(spark.conf()).option());
    arguments.addAll(RankEnvironment.javaOptions());
    if (spark.master().startsItsExecutors()) {
      arguments.add(FEW_SAMPLES);
      arguments.add("-Djava.io.tmpdir=" + home.resolve("tmp"));
    }
    if (spark.master() instanceof SparkMaster.LocalCluster) {
      // It only schedules, on cores that its ranks compute on: compile little, collect with one.
      arguments.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
    }
    arguments.add("-Dlog4j2.configurationFile=" + LOG_CONFIGURATION);
    arguments.add("-Dkiln.log=" + logs.resolve("driver.log"));
    arguments.add("-cp");
    arguments.add(home.resolve("jars") + "/*");
    return arguments;
  }

  /**
   * Arguments of SparkSubmit.
   *
   * @param mainClass of the application
   * @param jar the application, or {@code spark-internal} where every process has its classes
   * @param libraries jars for executors that have none of Kiln's
   * @param applicationArguments what the main class gets
   * @param inherited the environment of this process
   */
  public List<String> submitArguments(
      SparkSection spark,
      String mainClass,
      String jar,
      List<Path> libraries,
      List<String> applicationArguments,
      Map<String, String> inherited) {
    List<String> arguments = new ArrayList<>();
    arguments.addAll(List.of("--master", spark.master().url(), "--class", mainClass));
    arguments.addAll(List.of("--name", "kiln"));
    if (!libraries.isEmpty()) {
      arguments.add("--jars");
      arguments.add(String.join(",", libraries.stream().map(Path::toString).toList()));
    }
    settings(spark, inherited)
        .forEach(
            (name, value) -> {
              arguments.add("--conf");
              arguments.add(name + "=" + value);
            });
    arguments.add(jar);
    arguments.addAll(applicationArguments);
    return arguments;
  }

  /**
   * Spark's settings for a barrier job with native ranks, then the job's own.
   *
   * @param inherited the environment of this process, which executors of this machine inherit
   */
  Map<String, String> settings(SparkSection spark, Map<String, String> inherited) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("spark.dynamicAllocation.enabled", "false");
    settings.put("spark.speculation", "false");
    settings.put("spark.scheduler.barrier.maxConcurrentTasksCheck.interval", "1s");
    settings.put("spark.locality.wait", "0s");
    // How often ranks start again is Kiln's to say (training.max_restarts).
    settings.put("spark.stage.maxConsecutiveAttempts", Integer.toString(Integer.MAX_VALUE));
    settings.put("spark.ui.showConsoleProgress", "false");
    StringBuilder executorOptions =
        new StringBuilder(String.join(" ", RankEnvironment.javaOptions()));
    if (spark.master().startsItsExecutors()) {
      settings.put("spark.ui.enabled", "false");
      // Looks ten times a second for garbage that the end of the application removes anyway.
      settings.put("spark.cleaner.referenceTracking", "false");
      executorOptions.append(' ').append(FEW_SAMPLES);
      // Where the next run finds what a killed one has left.
      settings.put("spark.local.dir", home.resolve("tmp").toString());
      settings.put("spark.driver.host", "127.0.0.1");
      settings.put("spark.driver.bindAddress", "127.0.0.1");
      executorOptions
          .append(" -Dlog4j2.configurationFile=")
          .append(LOG_CONFIGURATION)
          .append(" \"-Dkiln.log=")
          .append(logs)
          .append("/executor-{{EXECUTOR_ID}}.log\"");
    }
    if (spark.master() instanceof SparkMaster.LocalCluster cluster) {
      settings.put("spark.executor.memory", cluster.megabytes() + "m");
      settings.put("spark.executor.cores", Integer.toString(cluster.cores()));
      executorOptions.append(" \"-Djava.io.tmpdir=").append(home.resolve("tmp")).append('"');
      if (cluster.cores() == 1 && !executorOptions(spark).contains("-XX:+Use")) {
        executorOptions.append(" -XX:+UseSerialGC");
      }
    }
    settings.putAll(
        RankEnvironment.executorSettings(
            spark.cpusPerTask(), spark.master().startsItsExecutors() ? inherited : Map.of()));
    settings.put(
        "spark.executor.extraJavaOptions",
        (executorOptions + " " + executorOptions(spark)).strip());
    spark
        .conf()
        .forEach(
            (name, value) -> {
              if (!name.equals("spark.executor.extraJavaOptions") && !name.equals(DriverHeap.KEY)) {
                settings.put(name, value);
              }
            });
    return settings;
  }

  /** What the job itself says about its executors' JVMs. */
  private static String executorOptions(SparkSection spark) {
    return spark.conf().getOrDefault("spark.executor.extraJavaOptions", "");
  }
}
