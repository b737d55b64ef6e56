package io.kiln.engine.infer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.engine.checkpoint.SafetensorsException;
import io.kiln.engine.checkpoint.SafetensorsWriter;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.ParameterInitializer;
import io.kiln.engine.model.ParameterSpec;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.HuggingFaceLayout;
import io.kiln.engine.model.family.ModelDefinition;
import io.kiln.engine.model.family.ModelFamilies;
import io.kiln.engine.tensor.Dtype;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LoadedModelTest {
  static final String GPT2 =
      "{'model_type':'gpt2','n_layer':2,'n_head':2,'n_embd':8,'n_positions':6,'vocab_size':17,"
          + "'initializer_range':0.5}";
  static final String LLAMA =
      "{'model_type':'llama','num_hidden_layers':2,'num_attention_heads':4,"
          + "'num_key_value_heads':2,'hidden_size':8,'intermediate_size':12,'vocab_size':17,"
          + "'max_position_embeddings':6,'initializer_range':0.5}";
  private static final String MLP =
      "{'model_type':'mlp','input_size':3,'hidden_sizes':[4],'output_size':2}";

  @TempDir Path folder;

  static ModelDefinition parse(String json) throws IOException {
    return ModelFamilies.parse(
        "model", new ObjectMapper().readTree(json.replace('\'', '"')), DataSizes.unknown());
  }

  static LoadedModel initial(String json) throws IOException {
    return LoadedModel.of(parse(json), new ParameterInitializer(5)::fill, Dtype.FP32);
  }

  private void save(ModelDefinition definition, Path file, UnaryOperator<String> rename)
      throws IOException {
    HuggingFaceLayout layout = definition.layout();
    try (PointerScope scope = new PointerScope();
        Model model = definition.model()) {
      List<ParameterSpec> specs = HuggingFaceLayout.parameters(model).toList();
      List<SafetensorsWriter.Declared> declared =
          specs.stream()
              .map(
                  s ->
                      new SafetensorsWriter.Declared(
                          rename.apply(s.name()), Dtype.FP32, layout.shape(s)))
              .toList();
      try (SafetensorsWriter writer =
          new SafetensorsWriter(Files.newOutputStream(file), declared, Map.of())) {
        for (ParameterSpec spec : specs) {
          Tensor value = torch.empty(spec.shape().stream().mapToLong(Long::longValue).toArray());
          new ParameterInitializer(5).fill(spec, value);
          writer.write(rename.apply(spec.name()), layout.toFile(spec, value));
        }
      }
    }
  }

  private static float[] logits(LoadedModel model, long... ids) {
    try (PointerScope scope = new PointerScope()) {
      Tensor logits = model.logits(Tensor.create(ids, 1, ids.length)).contiguous();
      float[] all = new float[(int) logits.numel()];
      new FloatPointer(logits.data_ptr()).get(all);
      return all;
    }
  }

  @Test
  void a_saved_model_is_the_same_model() throws IOException {
    for (String json : List.of(GPT2, LLAMA)) {
      ModelDefinition definition = parse(json);
      save(definition, folder.resolve("model.safetensors"), n -> n);
      try (LoadedModel initial = initial(json);
          LoadedModel fromFolder = LoadedModel.load(definition, folder, Dtype.FP32)) {
        assertArrayEquals(logits(initial, 3, 1, 16), logits(fromFolder, 3, 1, 16));
      }
    }
  }

  @Test
  void gpt2_files_without_the_prefix_are_read_too() throws IOException {
    ModelDefinition definition = parse(GPT2);
    Path file = folder.resolve("old.safetensors");
    save(definition, file, n -> n.replace("transformer.", ""));
    try (LoadedModel initial = initial(GPT2);
        LoadedModel loaded = LoadedModel.load(definition, file, Dtype.FP32)) {
      assertArrayEquals(logits(initial, 3, 1), logits(loaded, 3, 1));
    }
  }

  @Test
  void a_model_in_several_files_is_read_through_its_index() throws IOException {
    ModelDefinition definition = parse(GPT2);
    save(definition, folder.resolve("model-00001-of-00001.safetensors"), n -> n);
    Files.writeString(
        folder.resolve("model.safetensors.index.json"),
        "{\"weight_map\":{\"transformer.wte.weight\":\"model-00001-of-00001.safetensors\"}}");
    try (LoadedModel initial = initial(GPT2);
        LoadedModel loaded = LoadedModel.load(definition, folder, Dtype.FP32)) {
      assertArrayEquals(logits(initial, 3), logits(loaded, 3));
    }
  }

  @Test
  void files_of_another_model_are_refused() throws IOException {
    Path file = folder.resolve("model.safetensors");
    save(parse(LLAMA), file, n -> n);
    assertEquals(
        file
            + ": has no tensor transformer.wte.weight: it is not of the model that config.json"
            + " describes",
        assertThrows(
                SafetensorsException.class, () -> LoadedModel.load(parse(GPT2), file, Dtype.FP32))
            .getMessage());
    save(parse(GPT2.replace("'n_embd':8", "'n_embd':16")), file, n -> n);
    assertTrue(
        assertThrows(
                SafetensorsException.class, () -> LoadedModel.load(parse(GPT2), file, Dtype.FP32))
            .getMessage()
            .endsWith("transformer.wte.weight has the shape [17, 16], expected [17, 8]"));
    Path empty = Files.createDirectory(folder.resolve("empty"));
    assertTrue(
        assertThrows(
                SafetensorsException.class, () -> LoadedModel.load(parse(GPT2), empty, Dtype.FP32))
            .getMessage()
            .endsWith("holds neither model.safetensors nor model.safetensors.index.json"));
  }

  @Test
  void the_next_logits_are_those_of_the_last_position() throws IOException {
    for (String json : List.of(GPT2, LLAMA)) {
      try (LoadedModel model = initial(json)) {
        float[] all = logits(model, 3, 1, 16);
        float[] next = model.nextLogits(new long[] {3, 1, 16});
        assertArrayEquals(java.util.Arrays.copyOfRange(all, 34, 51), next, 1e-5f);
      }
    }
  }

  @Test
  void bf16_values_give_nearly_the_same_logits() throws IOException {
    try (LoadedModel exact = initial(GPT2);
        LoadedModel half =
            LoadedModel.of(parse(GPT2), new ParameterInitializer(5)::fill, Dtype.BF16)) {
      assertArrayEquals(
          exact.nextLogits(new long[] {3, 1}), half.nextLogits(new long[] {3, 1}), 0.25f);
    }
  }

  @Test
  void a_perceptron_predicts_rows() throws IOException {
    ModelDefinition definition = parse(MLP);
    // Weights 1, 2, 3, ... / 10 in the order of the file, biases 0.
    try (LoadedModel model =
        LoadedModel.of(
            definition,
            (spec, target) -> {
              float[] values = new float[(int) spec.elements()];
              for (int i = 0; i < values.length; i++) {
                values[i] = spec.name().endsWith("bias") ? 0 : (i + 1) / 10f;
              }
              target.copy_(Tensor.create(values, target.shape()));
            },
            Dtype.FP32)) {
      // Hidden: rows (.1 .2 .3), (.4 .5 .6), (.7 .8 .9), (1 1.1 1.2), rectified.
      assertArrayEquals(
          new float[] {
            .1f * .1f + .2f * .4f + .3f * .7f + .4f * 1f,
            .5f * .1f + .6f * .4f + .7f * .7f + .8f * 1f
          },
          model.predict(new float[][] {{1, 0, 0}, {0, -1, 0}})[0],
          1e-6f);
      assertArrayEquals(
          new float[] {0, 0}, model.predict(new float[][] {{1, 0, 0}, {0, -1, 0}})[1], 1e-6f);
      assertEquals(0, model.predict(new float[0][]).length);
      assertEquals(
          "row 1 has 2 features, the model takes 3",
          assertThrows(
                  IllegalArgumentException.class,
                  () -> model.predict(new float[][] {{1, 2, 3}, {1, 2}}))
              .getMessage());
      assertThrows(IllegalStateException.class, () -> model.nextLogits(new long[] {1}));
    }
  }
}
