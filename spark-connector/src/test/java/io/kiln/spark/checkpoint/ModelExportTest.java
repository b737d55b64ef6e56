package io.kiln.spark.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.checkpoint.CheckpointException;
import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointManifest;
import io.kiln.engine.checkpoint.LocalCheckpointStore;
import io.kiln.engine.checkpoint.SafetensorsFile;
import io.kiln.engine.config.ConfigException;
import io.kiln.engine.infer.LoadedModel;
import io.kiln.engine.infer.SafetensorsSource;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.ParameterSpec;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.HuggingFaceLayout;
import io.kiln.engine.model.family.ModelDefinition;
import io.kiln.engine.model.family.ModelFamilies;
import io.kiln.engine.tensor.Dtype;
import io.kiln.spark.output.OutputDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelExportTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;

  private static CheckpointedRun run(String model, int ranks, int stage, String precision) {
    return new CheckpointedRun(
        model.equals("gpt2") ? CheckpointedRun.GPT2 : CheckpointedRun.LLAMA,
        ranks,
        stage,
        precision);
  }

  private CheckpointFolder checkpoints() {
    return new CheckpointFolder(new LocalCheckpointStore(folder.resolve("checkpoints")));
  }

  private Path export(Dtype dtype) throws IOException {
    Path output = folder.resolve("exported-" + dtype.label());
    ModelExport.of(checkpoints(), 4)
        .to(OutputDirectory.of(output.toString(), new Configuration()), dtype, elements -> {});
    return output;
  }

  @ParameterizedTest
  @CsvSource({"gpt2, 2, 3, bf16", "llama, 3, 1, fp32", "gpt2, 2, 0, fp32"})
  void what_is_exported_is_what_training_exports(
      String model, int ranks, int stage, String precision) throws Exception {
    CheckpointedRun run = run(model, ranks, stage, precision);
    Map<String, float[]> trained = run.into(folder.resolve("checkpoints"));
    Path output = export(Dtype.FP32);

    JsonNode config = JSON.readTree(output.resolve("config.json").toFile());
    assertEquals(run.definition().toJson().toString(), config.toString());
    ModelDefinition definition = ModelFamilies.parse("model", config, DataSizes.unknown());
    Map<String, float[]> loaded = new LinkedHashMap<>();
    try (Model built = definition.model();
        SafetensorsSource file = SafetensorsSource.open(output, definition.layout())) {
      for (ParameterSpec spec : HuggingFaceLayout.parameters(built).toList()) {
        loaded.put(spec.name(), read(file, spec));
      }
    }
    assertEquals(trained.keySet(), loaded.keySet());
    trained.forEach((name, values) -> assertArrayEquals(values, loaded.get(name), name));
    try (LoadedModel usable = LoadedModel.load(definition, output, Dtype.FP32)) {
      float[] logits = usable.nextLogits(new long[] {104, 101, 108});
      try (LoadedModel direct =
          LoadedModel.of(
              definition,
              (spec, target) -> {
                try (PointerScope scope = new PointerScope()) {
                  float[] values = trained.get(spec.name());
                  target.copy_(Tensor.create(values).view(target.shape()));
                }
              },
              Dtype.FP32)) {
        assertArrayEquals(direct.nextLogits(new long[] {104, 101, 108}), logits);
      }
    }
  }

  private static float[] read(SafetensorsSource file, ParameterSpec spec) throws IOException {
    try (PointerScope scope = new PointerScope()) {
      long[] shape = spec.shape().stream().mapToLong(Long::longValue).toArray();
      Tensor value = torch.empty(shape, new TensorOptions(ScalarType.Float), null);
      file.fill(spec, value);
      return CheckpointedRun.floats(value);
    }
  }

  @Test
  void the_file_has_hugging_faces_names_and_shapes_and_the_folder_all_that_was_told()
      throws Exception {
    run("gpt2", 2, 3, "bf16").into(folder.resolve("checkpoints"));
    Path output = export(Dtype.FP32);
    try (SafetensorsFile file = SafetensorsFile.open(output.resolve("model.safetensors"))) {
      assertEquals(
          List.of(32L, 96L), file.entry("transformer.h.0.attn.c_attn.weight").get().shape());
      assertEquals("F32", file.entry("transformer.wte.weight").get().dtype());
      assertTrue(file.entry("lm_head.weight").isEmpty(), "tied");
    }
    assertEquals(
        "{\"type\":\"bytes\"}",
        JSON.readTree(output.resolve("kiln_tokenizer.json").toFile()).toString());
    assertEquals(
        "words",
        JSON.readTree(output.resolve("kiln_columns.json").toFile()).path("text_column").asText());
  }

  @Test
  void in_bf16_every_value_is_the_nearest_one() throws Exception {
    CheckpointedRun run = run("gpt2", 2, 3, "bf16");
    Map<String, float[]> trained = run.into(folder.resolve("checkpoints"));
    Path output = export(Dtype.BF16);
    assertEquals(
        "bfloat16",
        JSON.readTree(output.resolve("config.json").toFile()).get("torch_dtype").asText());
    ModelDefinition definition =
        ModelFamilies.parse(
            "model", JSON.readTree(output.resolve("config.json").toFile()), DataSizes.unknown());
    try (Model built = definition.model();
        SafetensorsFile file = SafetensorsFile.open(output.resolve("model.safetensors"));
        SafetensorsSource source = SafetensorsSource.open(output, definition.layout())) {
      assertEquals("BF16", file.entry("transformer.wte.weight").get().dtype());
      for (ParameterSpec spec : HuggingFaceLayout.parameters(built).toList()) {
        float[] expected = trained.get(spec.name()).clone();
        for (int i = 0; i < expected.length; i++) {
          expected[i] = nearestBf16(expected[i]);
        }
        assertArrayEquals(expected, read(source, spec), spec.name());
      }
    }
  }

  /** The upper half of the bits, rounded to the nearest, ties to even. */
  private static float nearestBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    int rounded = bits + 0x7fff + (bits >>> 16 & 1);
    return Float.intBitsToFloat(rounded & 0xffff0000);
  }

  @Test
  void no_parameter_is_held_when_the_next_is_read() throws Exception {
    List<Tensor> held = new ArrayList<>();
    AtomicLong told = new AtomicLong();
    try (Model model = run("gpt2", 1, 0, "fp32").definition().model()) {
      ModelExport.copy(
          model,
          (spec, target) -> {
            held.forEach(earlier -> assertTrue(earlier.isNull(), spec.name()));
            held.add(target);
            target.zero_();
          },
          (spec, value) -> assertFalse(value.isNull()),
          told::addAndGet);
      assertEquals(model.parameterCount(), told.get());
    }
    assertTrue(held.size() > 20);
  }

  @Test
  void of_a_damaged_checkpoint_nothing_is_left() throws Exception {
    run("llama", 2, 2, "fp32").into(folder.resolve("checkpoints"));
    Path shard =
        folder
            .resolve("checkpoints/global_step4")
            .resolve(checkpoints().manifest(4).shards().get(1).file());
    byte[] bytes = Files.readAllBytes(shard);
    bytes[bytes.length / 2] ^= 4;
    Files.write(shard, bytes);
    CheckpointException damaged = assertThrows(CheckpointException.class, () -> export(Dtype.FP32));
    assertTrue(damaged.getMessage().startsWith(shard + ": is damaged"), damaged.getMessage());
    assertFalse(Files.exists(folder.resolve("exported-fp32")));
  }

  @Test
  void a_checkpoint_that_is_not_of_its_model_is_refused_before_anything_is_written()
      throws Exception {
    run("gpt2", 1, 0, "fp32").into(folder.resolve("checkpoints"));
    assertRefused(content -> content.remove("model"), "does not say what its model is");
    assertRefused(
        content -> content.withObject("/model").put("n_embd", 16),
        "its model has transformer.wte.weight [256, 16] where the checkpoint has"
            + " transformer.wte.weight [256, 32]");
    assertRefused(
        content -> ((ArrayNode) content.get("parameters")).addObject().put("name", "more"),
        "parameters, its model only");
    assertRefused(
        content -> {
          ArrayNode parameters = (ArrayNode) content.get("parameters");
          parameters.remove(parameters.size() - 1);
        },
        "where the checkpoint has nothing");
    assertRefused(
        content -> content.withObject("/tokenizer").put("../x", "YQ=="),
        "its tokenizer has a file called \"../x\"");
  }

  private void assertRefused(Consumer<ObjectNode> change, String line) throws Exception {
    Path file = folder.resolve("checkpoints/global_step4/manifest.json");
    byte[] right = Files.readAllBytes(file);
    CheckpointManifest manifest = checkpoints().manifest(4);
    ObjectNode content = manifest.content().deepCopy();
    change.accept(content);
    Files.write(file, new CheckpointManifest(4, content, manifest.shards()).toBytes());
    Exception refused = assertThrows(Exception.class, () -> export(Dtype.FP32));
    assertTrue(refused.getMessage().contains(line), refused.getMessage());
    assertTrue(
        refused instanceof CheckpointException || refused instanceof ConfigException,
        refused::toString);
    assertFalse(Files.exists(folder.resolve("exported-fp32")));
    Files.write(file, right);
  }
}
