package io.kiln.spark.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What a person does with checkpoints. */
@Command(
    name = "checkpoint",
    description = {
      "Looks at the checkpoints of a run, checks them, and makes models of them; starts no Spark.",
      "",
      "PATH is the folder that training.checkpoint_dir names, or one checkpoint in it"
          + " (…/global_step40), on any file system that Hadoop knows. Of a folder the newest"
          + " checkpoint is meant."
    },
    footer = {
      "",
      "Examples:",
      "  kiln checkpoint inspect runs/mail/checkpoints",
      "  kiln checkpoint verify hdfs://namenode:8020/runs/mail --all",
      "  kiln checkpoint export s3a://bucket/runs/mail/global_step400 --output mail-400 \\",
      "    --conf spark.hadoop.fs.s3a.endpoint=http://127.0.0.1:9000"
    },
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      CheckpointInspectCommand.class,
      CheckpointVerifyCommand.class,
      CheckpointExportCommand.class,
      CommandLine.HelpCommand.class
    },
    mixinStandardHelpOptions = true)
final class CheckpointCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    throw new ParameterException(
        spec.commandLine(), "say what to do with a checkpoint: inspect, verify or export");
  }
}
