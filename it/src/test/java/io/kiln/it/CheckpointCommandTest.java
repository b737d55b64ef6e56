package io.kiln.it;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointManifest;
import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.engine.checkpoint.Piece;
import io.kiln.engine.checkpoint.SafetensorsFile;
import io.kiln.engine.checkpoint.ShardWriter;
import io.kiln.engine.checkpoint.StoredShard;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.ParameterSpec;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.HuggingFaceLayout;
import io.kiln.engine.model.family.ModelDefinition;
import io.kiln.engine.model.family.ModelFamilies;
import io.kiln.spark.store.HadoopCheckpointStore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code bin/kiln checkpoint} on an S3 server whose credentials come with {@code --conf}. */
class CheckpointCommandTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String MODEL =
      """
      {"model_type": "mlp", "input_size": 3, "hidden_sizes": [4], "num_labels": 2}
      """;

  @TempDir Path folder;

  @Test
  void a_checkpoint_on_s3_is_looked_at_verified_and_exported() throws Exception {
    try (S3Server s3 = S3Server.start(folder.resolve("s3"))) {
      List<String> names;
      try (CheckpointStore store =
          HadoopCheckpointStore.of(s3.uri() + "/run", s3.configuration())) {
        names = write(new CheckpointFolder(store));
      }
      List<String> settings = new ArrayList<>();
      s3.settings()
          .forEach(
              (name, value) ->
                  settings.addAll(List.of("--conf", "spark.hadoop." + name + "=" + value)));

      KilnRun inspect = kiln(settings, "inspect", s3.uri() + "/run");
      assertEquals(0, inspect.status(), inspect.said());
      assertTrue(inspect.out().contains("s3a://kiln/run/global_step7\n"), inspect.said());
      assertEquals("", inspect.err());

      KilnRun verify = kiln(settings, "verify", s3.uri() + "/run/global_step7");
      assertEquals(0, verify.status(), verify.said());
      assertTrue(verify.out().contains("  whole\n"), verify.said());

      KilnRun export =
          kiln(settings, "export", s3.uri() + "/run", "--output", folder.resolve("out").toString());
      assertEquals(0, export.status(), export.said());
      try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("out/model.safetensors"))) {
        for (int i = 0; i < names.size(); i++) {
          int elements = (int) file.entry(names.get(i)).orElseThrow().elements();
          assertArrayEquals(values(i, elements), read(file, names.get(i)));
        }
      }

      KilnRun absent = kiln(settings, "verify", s3.uri() + "/elsewhere");
      assertEquals(2, absent.status(), absent.said());
      assertEquals("kiln: there is nothing at s3a://kiln/elsewhere\n", absent.err());
      settings.replaceAll(setting -> setting.replace("the-secret-key", "another"));
      KilnRun refused = kiln(settings, "verify", s3.uri() + "/run");
      assertEquals(1, refused.status(), refused.said());
      assertEquals(1, refused.err().lines().count(), refused.said());
      assertTrue(refused.err().contains("the store refuses"), refused.said());
    }
  }

  private KilnRun kiln(List<String> settings, String... arguments) throws Exception {
    List<String> all = new ArrayList<>(List.of("checkpoint"));
    all.addAll(List.of(arguments));
    all.addAll(settings);
    return KilnRun.ended(folder, all.toArray(String[]::new));
  }

  /** A checkpoint of one shard; names of its parameters. */
  private static List<String> write(CheckpointFolder checkpoints) throws IOException {
    ModelDefinition definition =
        ModelFamilies.parse("model", JSON.readTree(MODEL), DataSizes.unknown());
    ObjectNode content = JSON.createObjectNode();
    content.set("model", definition.toJson());
    ArrayNode parameters = content.putArray("parameters");
    List<String> names = new ArrayList<>();
    String draft = checkpoints.store().draft(CheckpointFolder.name(7), "a");
    try (Model model = definition.model();
        PointerScope scope = new PointerScope()) {
      List<Piece> pieces = new ArrayList<>();
      for (ParameterSpec spec : HuggingFaceLayout.parameters(model).toList()) {
        ArrayNode shape = parameters.addObject().put("name", spec.name()).putArray("shape");
        spec.shape().forEach(shape::add);
        Tensor value = Tensor.create(values(names.size(), (int) spec.elements()));
        pieces.add(new Piece(spec.name(), 0, spec.elements(), Map.of("master", value)));
        names.add(spec.name());
      }
      StoredShard shard =
          ShardWriter.write(checkpoints.store(), draft, "rank_0-a.safetensors", pieces);
      checkpoints.publish(draft, new CheckpointManifest(7, content, List.of(shard)));
    }
    return names;
  }

  private static float[] values(int parameter, int elements) {
    float[] values = new float[elements];
    for (int i = 0; i < elements; i++) {
      values[i] = 100 * parameter + i;
    }
    return values;
  }

  private static float[] read(SafetensorsFile file, String name) throws IOException {
    try (PointerScope scope = new PointerScope()) {
      long[] shape =
          file.entry(name).orElseThrow().shape().stream().mapToLong(Long::longValue).toArray();
      Tensor value = torch.empty(shape, new TensorOptions(ScalarType.Float), null);
      file.read(name, value);
      float[] values = new float[(int) value.numel()];
      new FloatPointer(value.data_ptr()).get(values);
      return values;
    }
  }
}
