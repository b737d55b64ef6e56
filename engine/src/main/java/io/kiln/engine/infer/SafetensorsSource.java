package io.kiln.engine.infer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.engine.checkpoint.SafetensorsException;
import io.kiln.engine.checkpoint.SafetensorsFile;
import io.kiln.engine.model.ParameterSpec;
import io.kiln.engine.model.family.HuggingFaceLayout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/**
 * Parameters in Hugging Face's layout: a {@code model.safetensors} file, a folder with one, or a
 * folder with a {@code model.safetensors.index.json} and the files that it names.
 */
public final class SafetensorsSource implements ParameterSource, AutoCloseable {
  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";

  private final Path path;
  private final HuggingFaceLayout layout;
  private final List<SafetensorsFile> files = new ArrayList<>();

  private SafetensorsSource(Path path, HuggingFaceLayout layout) {
    this.path = path;
    this.layout = layout;
  }

  /** Opens the file or files and checks their headers. */
  public static SafetensorsSource open(Path path, HuggingFaceLayout layout) throws IOException {
    SafetensorsSource source = new SafetensorsSource(path, layout);
    try {
      for (Path file : filesOf(path)) {
        source.files.add(SafetensorsFile.open(file));
      }
      return source;
    } catch (IOException | RuntimeException e) {
      source.close();
      throw e;
    }
  }

  private static List<Path> filesOf(Path path) throws IOException {
    if (!Files.isDirectory(path)) {
      if (!Files.exists(path)) {
        throw new NoSuchFileException(path.toString(), null, "there is no such file");
      }
      return List.of(path);
    }
    if (Files.exists(path.resolve(SINGLE))) {
      return List.of(path.resolve(SINGLE));
    }
    Path index = path.resolve(INDEX);
    if (!Files.exists(index)) {
      throw new SafetensorsException(path, "holds neither " + SINGLE + " nor " + INDEX);
    }
    TreeSet<String> names = new TreeSet<>();
    try {
      JsonNode map = new ObjectMapper().readTree(index.toFile()).path("weight_map");
      map.forEach(n -> names.add(n.asText()));
    } catch (JsonProcessingException e) {
      throw new SafetensorsException(index, "is no JSON: " + e.getOriginalMessage());
    }
    if (names.isEmpty()) {
      throw new SafetensorsException(index, "has no weight_map");
    }
    return names.stream().map(path::resolve).toList();
  }

  @Override
  public void fill(ParameterSpec spec, Tensor target) throws IOException {
    for (String name : layout.names(spec)) {
      for (SafetensorsFile file : files) {
        if (file.entry(name).isPresent()) {
          try (PointerScope scope = new PointerScope()) {
            file.read(name, layout.toFile(spec, target));
          }
          return;
        }
      }
    }
    throw new SafetensorsException(
        path,
        "has no tensor " + spec.name() + ": it is not of the model that config.json describes");
  }

  @Override
  public void close() throws IOException {
    for (SafetensorsFile file : files) {
      file.close();
    }
  }
}
