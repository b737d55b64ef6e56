package io.kiln.spark.cli;

import io.kiln.spark.cluster.DriverHeap;
import io.kiln.spark.cluster.SparkMaster;
import io.kiln.spark.cluster.StandaloneMasters;
import io.kiln.spark.job.Job;
import io.kiln.spark.output.RunFolder;
import io.kiln.spark.training.JobCheck;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Checks a job and hands over to the driver that runs it. */
@Command(
    name = "train",
    description = {
      "Trains the model that a job file describes.",
      "",
      "The job is checked before Spark starts. Training runs as one barrier stage, a rank a task;"
          + " the output directory gets config.json, model.safetensors, the tokenizer,"
          + " metrics.jsonl (a line a step, while it runs) and summary.json."
    },
    footer = {
      "",
      "Sections of a job file (JSON):",
      "  model       a Hugging Face config.json (gpt2, llama), or model_type mlp with hidden_sizes,",
      "              num_labels (classes) or output_size (values), input_size, activation, dropout,",
      "              problem_type; inline or a path",
      "  data        path, format, options (what Spark's reader takes, such as",
      "              {\"header\": true, \"inferSchema\": true} for csv), validation_fraction, shuffle;",
      "              of text: text_column, tokenizer, sequence_length; of an mlp: feature_columns,",
      "              label_column",
      "  deepspeed   a DeepSpeed configuration, inline or a path; optimizer.params takes groups",
      "              (pattern or regex, lr or lr_scale, weight_decay) and layer_decay too,",
      "              scheduler.type also constant, linear, cosine, polynomial, exponential",
      "  training    max_steps or epochs, seed, eval_interval, eval_steps;",
      "              checkpoint_dir (default: checkpoints in the output_dir), checkpoint_interval",
      "              (steps) or checkpoint_minutes, checkpoint_keep_last (2), checkpoint_keep_every,",
      "              checkpoint_failures (3), resume (auto, never, or a checkpoint's path);",
      "              stall_timeout (60 s), max_restarts (10) in restart_window (3600 s),",
      "              redundancy (0; 1: each rank keeps its neighbour's shard in memory)",
      "  spark       master (default "
          + SparkMaster.DEFAULT
          + "), conf, ranks (default: one a slot;",
      "              with elasticity, the largest valid number)",
      "  output_dir  a folder that does not exist yet, or that a run with checkpoints began, on",
      "              any file system that Hadoop knows",
      "",
      "A relative path under model or deepspeed counts from the job file's folder, or else from",
      "where the command is called; data.path, tokenizer, checkpoint_dir and output_dir always",
      "count from there. Every key with its default: docs/jobs.md.",
      "",
      "Examples:",
      "  kiln train examples/readme-job.json",
      "  kiln train examples/mlp.json",
      "  kiln train job.json --set training.max_steps=20 --set deepspeed.zero_optimization.stage=3",
      "  kiln train job.json --set spark.master=local[2] --set spark.conf.spark.task.cpus=1"
    },
    mixinStandardHelpOptions = true)
final class TrainCommand implements Callable<Integer> {
  @Parameters(paramLabel = "JOB.json", description = "The job file.")
  private Path jobFile;

  @Option(
      names = "--set",
      paramLabel = "PATH.TO.KEY=VALUE",
      description = "Sets a value of the job; JSON where it parses as such. May be repeated.")
  private List<String> overrides = new ArrayList<>();

  @Option(names = "--check", description = "Check the job and end; starts nothing.")
  private boolean checkOnly;

  @Spec private CommandSpec spec;

  @Mixin private StackTraceOption stackTrace;

  @Override
  public Integer call() {
    Job job = Job.read(jobFile, overrides);
    List<String> notes = JobCheck.beforeSpark(job);
    if (job.spark().conf().containsKey(DriverHeap.KEY)) {
      DriverHeap.of(job.spark().conf()).requireStart();
    }
    if (checkOnly) {
      PrintWriter out = spec.commandLine().getOut();
      notes.forEach(note -> out.println("note: " + note));
      out.println("kiln: the job file is in order; the data is looked at when Spark reads it");
      return 0;
    }
    // Before anything is made that would have to be taken back.
    StandaloneMasters.of(job.spark().master().url()).ifPresent(StandaloneMasters::requireAnswer);
    Installation installation = Installation.ofThisProcess();
    Map<String, String> environment = System.getenv();
    RunFolder folder =
        RunFolder.create(
            job.outputDir(), installation.sparkHome(), job.training().checkpoints().mayContinue());
    boolean here = job.spark().master().startsItsExecutors();
    DriverProcess process =
        new DriverProcess(here ? folder.sparkHome() : installation.sparkHome(), folder.logs());
    List<String> arguments = new ArrayList<>(List.of(jobFile.toString()));
    overrides.forEach(
        assignment -> {
          arguments.add("--set");
          arguments.add(assignment);
        });
    if (stackTrace.wanted) {
      arguments.add("--stacktrace");
    }
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(process.javaArguments(job.spark()));
    command.add("-Dkiln.terminal=" + installation.terminal());
    command.add("-Dkiln.run.logs=" + folder.logs());
    command.add(DriverLaunch.class.getName());
    command.addAll(
        process.submitArguments(
            job.spark(),
            TrainingApplication.class.getName(),
            here ? "spark-internal" : installation.applicationJar().toString(),
            here ? List.of() : installation.librariesForForeignSpark(),
            arguments,
            environment));
    new Handover(process.environment(job.spark(), environment), List.of(), command)
        .write(installation.handover());
    return 0;
  }
}
