package io.kiln.engine.checkpoint;

import io.kiln.engine.checkpoint.SafetensorsWriter.Declared;
import io.kiln.engine.tensor.Dtype;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Writes pieces as one safetensors file: the tensor {@code exp_avg/wte.weight} is that value of
 * that parameter, flattened; the header's metadata says with which element it begins where that is
 * not the first.
 */
public final class ShardWriter {
  private ShardWriter() {}

  /**
   * Writes and closes a file.
   *
   * @param folder of the store, for the file
   * @param file its name there
   * @return what a manifest says of it
   */
  public static StoredShard write(
      CheckpointStore store, String folder, String file, List<Piece> pieces) throws IOException {
    List<Declared> declared = new ArrayList<>();
    Map<String, String> begins = new LinkedHashMap<>();
    for (Piece piece : pieces) {
      if (piece.begin() > 0) {
        begins.put(piece.parameter(), Long.toString(piece.begin()));
      }
      for (String kind : piece.values().keySet()) {
        declared.add(new Declared(key(kind, piece), Dtype.FP32, List.of(piece.elements())));
      }
    }
    try (Checksums out = new Checksums(store.create(folder + "/" + file))) {
      try (SafetensorsWriter writer = new SafetensorsWriter(out, declared, begins)) {
        for (Piece piece : pieces) {
          for (Map.Entry<String, Tensor> value : piece.values().entrySet()) {
            writer.write(key(value.getKey(), piece), value.getValue());
          }
        }
      }
      return out.written(file);
    }
  }

  private static String key(String kind, Piece piece) {
    return kind + ShardReader.SEPARATOR + piece.parameter();
  }
}
