package io.kiln.spark.inference;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.datasource.tokenizer.Tokenizer;
import io.kiln.engine.config.ConfigException;
import io.kiln.engine.infer.LoadedModel;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.ModelDefinition;
import io.kiln.engine.model.family.ModelFamilies;
import io.kiln.engine.tensor.Dtype;
import io.kiln.spark.output.ModelFile;
import io.kiln.spark.output.OutputDirectory;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.util.SerializableConfiguration;

/**
 * What an executor needs to make a model of its own from a folder: all but the values, which it
 * reads itself.
 *
 * @param config complete configuration, as JSON
 * @param tokenizer files of the tokenizer; empty for an mlp
 * @param folder where the values are
 * @param hadoop configuration of its file system
 */
public record ModelCopy(
    String config, Map<String, byte[]> tokenizer, String folder, SerializableConfiguration hadoop)
    implements Serializable {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** The definition. */
  public ModelDefinition definition() {
    try {
      return ModelFamilies.parse("config.json", JSON.readTree(config), DataSizes.unknown());
    } catch (IOException malformed) {
      throw new UncheckedIOException(malformed);
    }
  }

  /** The tokenizer, if the model reads text; whoever asks closes it. */
  public Optional<Tokenizer> openTokenizer() {
    return tokenizer.isEmpty()
        ? Optional.empty()
        : Optional.of(Tokenizer.ofFiles(tokenizer, folder));
  }

  /**
   * The tokenizer of a model that reads text; whoever asks closes it.
   *
   * @throws ConfigException if there is none in the folder
   */
  public Tokenizer requiredTokenizer() {
    return openTokenizer()
        .orElseThrow(
            () ->
                new ConfigException(
                    "",
                    "the model in "
                        + folder
                        + " has no tokenizer: put its tokenizer.json into that folder"));
  }

  /** Reads the values; whoever asks closes it. */
  public LoadedModel load() {
    OutputDirectory directory = OutputDirectory.of(folder, hadoop.value());
    try {
      Optional<Path> local = directory.local().map(path -> path.resolve(ModelFile.NAME));
      if (local.isPresent()) {
        return LoadedModel.load(definition(), local.get(), Dtype.FP32);
      }
      Path fetched = Files.createTempFile("kiln-model", ".safetensors");
      try (InputStream in = directory.open(ModelFile.NAME)) {
        Files.copy(in, fetched, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        return LoadedModel.load(definition(), fetched, Dtype.FP32);
      } finally {
        Files.deleteIfExists(fetched);
      }
    } catch (IOException unreadable) {
      throw new UncheckedIOException(
          "the model in " + directory.shown() + " cannot be read", unreadable);
    }
  }
}
