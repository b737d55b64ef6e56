package io.kiln.spark.cli;

import io.kiln.datasource.DataException;
import io.kiln.engine.config.ConfigException;
import io.kiln.spark.TrainedModel;
import io.kiln.spark.Trainer;
import io.kiln.spark.barrier.OneLine;
import io.kiln.spark.barrier.RankFailedException;
import io.kiln.spark.cluster.StandaloneMasters;
import io.kiln.spark.console.Closing;
import io.kiln.spark.console.ConsoleReport;
import io.kiln.spark.job.Job;
import io.kiln.spark.output.RunFolder;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.apache.spark.SparkConf;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Main class of a training job in the driver, for {@code bin/kiln train} and for anybody's {@code
 * spark-submit}: its arguments are the job file and {@code --set path.to.key=value}.
 */
@Command(
    name = "TrainingApplication",
    description = "Trains the model that a job file describes, on the Spark that runs this.",
    mixinStandardHelpOptions = true)
public final class TrainingApplication implements Callable<Integer> {
  private static final int BAD_INPUT = 2;
  private static final int FAILURE = 1;

  @Parameters(paramLabel = "JOB.json", description = "The job file, on the driver's machine.")
  private Path jobFile;

  @Option(
      names = "--set",
      paramLabel = "PATH.TO.KEY=VALUE",
      description = "Sets a value of the job; JSON where it parses as such. May be repeated.")
  private List<String> overrides = new ArrayList<>();

  @Option(names = "--stacktrace", description = "Print where an error came from.")
  private boolean stackTrace;

  private final PrintStream out;
  private final PrintStream err;
  private boolean sparkIsUp;

  private TrainingApplication(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  /** The process's entry. */
  public static void main(String[] arguments) {
    System.exit(
        new CommandLine(new TrainingApplication(System.out, System.err)).execute(arguments));
  }

  @Override
  public Integer call() {
    DriverLaunch.applicationBegins();
    Optional<RunFolder> folder = RunFolder.ofThisProcess();
    try {
      Job job = Job.read(jobFile, overrides);
      return run(job, new ConsoleReport(out, Boolean.getBoolean("kiln.terminal")), folder);
    } catch (Exception failure) {
      return failed(failure, folder);
    }
  }

  private int run(Job job, ConsoleReport console, Optional<RunFolder> folder) throws IOException {
    Interruption interruption =
        new Interruption(
            err,
            console,
            job.outputDir(),
            new Sequel(job.training().checkpoints(), job.outputDir()),
            folder);
    try {
      train(job, console, interruption);
      folder.ifPresent(RunFolder::tidy);
      return 0;
    } catch (Exception failure) {
      // A signal stops Spark under a running job; that is no error to tell.
      if (interruption.happened()) {
        return FAILURE;
      }
      throw failure;
    } finally {
      interruption.over();
    }
  }

  private int failed(Exception failure, Optional<RunFolder> folder) {
    boolean input = inputAtFault(failure);
    folder.ifPresent(RunFolder::removeTemporary);
    err.println("kiln: " + OneLine.of(failure));
    if (stackTrace) {
      failure.printStackTrace(err);
      if (failure instanceof RankFailedException rank && !rank.rankStackTrace().isEmpty()) {
        err.println("in the executor: " + rank.rankStackTrace());
      }
    }
    // Where Spark did not even start, the same command is to find the place free.
    if (input || !sparkIsUp) {
      folder.ifPresent(RunFolder::withdraw);
    } else {
      folder.ifPresent(kept -> err.println("kiln: logs of the run are in " + kept.logs()));
    }
    return input ? BAD_INPUT : FAILURE;
  }

  private void train(Job job, ConsoleReport console, Interruption interruption) throws IOException {
    long begin = System.nanoTime();
    out.println("starting Spark");
    try (SparkSession session = session(job);
        console) {
      sparkIsUp = true;
      interruption.through(session.sparkContext().hadoopConfiguration());
      TrainedModel model = Trainer.builder(job).listener(console).build().fitSource(session);
      console.close();
      Closing closing = new Closing(out, model);
      closing.figures(Duration.ofNanos(System.nanoTime() - begin));
      closing.samples(session, interruption::happened);
      closing.place();
    }
  }

  /** What spark-submit was told comes before what the job says. */
  private static SparkSession session(Job job) {
    SparkConf told = new SparkConf();
    StandaloneMasters.of(told.get("spark.master", job.spark().master().url()))
        .ifPresent(StandaloneMasters::requireAnswer);
    SparkSession.Builder builder = SparkSession.builder();
    if (!told.contains("spark.master")) {
      builder.master(job.spark().master().url());
    }
    if (!told.contains("spark.app.name")) {
      builder.appName("kiln");
    }
    job.spark()
        .conf()
        .forEach(
            (name, value) -> {
              if (!told.contains(name)) {
                builder.config(name, value);
              }
            });
    return builder.getOrCreate();
  }

  private static boolean inputAtFault(Exception failure) {
    return failure instanceof ConfigException
        || failure instanceof DataException
        || failure instanceof RankFailedException rank && rank.inputAtFault();
  }
}
