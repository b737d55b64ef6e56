package io.kiln.spark.cli;

import io.kiln.engine.config.ConfigException;
import io.kiln.engine.tensor.Dtype;
import io.kiln.spark.checkpoint.CheckpointPath;
import io.kiln.spark.checkpoint.ManifestText;
import io.kiln.spark.checkpoint.ModelExport;
import io.kiln.spark.console.ByteProgress;
import io.kiln.spark.output.OutputDirectory;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.apache.hadoop.conf.Configuration;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** Makes a Hugging Face model of a checkpoint. */
@Command(
    name = "export",
    description = {
      "Writes a checkpoint's model as a Hugging Face folder: config.json, model.safetensors and,"
          + " where the checkpoint knows it, the tokenizer.",
      "",
      "The values are the master weights. It takes the memory of the largest parameter, not of the"
          + " model. Exit status: 0 done, 1 a file of the checkpoint is damaged or missing (nothing"
          + " is left in DIR), 2 there is no checkpoint, or DIR exists."
    },
    mixinStandardHelpOptions = true)
final class CheckpointExportCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "PATH",
      description = "A folder of checkpoints, or one (…/global_step40).")
  private String path;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      required = true,
      description = "A folder that does not exist yet, on any file system that Hadoop knows.")
  private String output;

  @Option(
      names = "--dtype",
      paramLabel = "DTYPE",
      defaultValue = "fp32",
      completionCandidates = Labels.class,
      converter = Labels.class,
      description = "Of the values in the file: ${COMPLETION-CANDIDATES}. Default: fp32.")
  private Dtype dtype;

  @Mixin private HadoopOptions hadoop;

  @Mixin private StackTraceOption stackTrace;

  @Spec private CommandSpec spec;

  /** Dtypes as everybody spells them. */
  static final class Labels implements Iterable<String>, ITypeConverter<Dtype> {
    @Override
    public Iterator<String> iterator() {
      return Arrays.stream(Dtype.values()).map(Dtype::label).iterator();
    }

    @Override
    public Dtype convert(String value) {
      return Arrays.stream(Dtype.values())
          .filter(dtype -> dtype.label().equalsIgnoreCase(value))
          .findFirst()
          .orElseThrow(
              () -> new TypeConversionException("expected fp32, bf16 or fp16 but was " + value));
    }
  }

  @Override
  public Integer call() throws IOException {
    Configuration configuration = hadoop.configuration(System.getenv());
    OutputDirectory folder;
    try {
      folder = OutputDirectory.of(output, configuration);
      folder.requireFree(false);
    } catch (ConfigException unusable) {
      throw new ConfigException("", unusable.getMessage().replaceFirst("^output_dir", "--output"));
    }
    try (CheckpointPath checkpoints = CheckpointPath.of(path, configuration)) {
      export(ModelExport.of(checkpoints.folder(), checkpoints.newest()), folder);
    }
    return 0;
  }

  private void export(ModelExport export, OutputDirectory folder) throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    ManifestText text = new ManifestText(export.manifest());
    long bytes = text.parameters() * dtype.bytes();
    try (ByteProgress progress =
        Boolean.getBoolean("kiln.terminal")
            ? ByteProgress.bar("export", bytes, System.out)
            : ByteProgress.lines("export", bytes, spec.commandLine().getErr())) {
      export.to(folder, dtype, elements -> progress.accept(elements * dtype.bytes()));
    }
    out.println(
        String.format(
            Locale.ROOT,
            "%s: %s of %,d parameters after step %,d, in %s: %s",
            folder.shown(),
            export.definition().modelType(),
            text.parameters(),
            export.manifest().step(),
            dtype.label(),
            String.join(", ", folder.names().stream().sorted().toList())));
  }
}
