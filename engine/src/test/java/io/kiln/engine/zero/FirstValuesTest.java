package io.kiln.engine.zero;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.engine.LocalRanks;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.config.OptimizerConfig;
import io.kiln.engine.model.Block;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.ParameterInitializer;
import io.kiln.engine.model.ParameterSpec;
import io.kiln.engine.model.Weights;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.ModelFamilies;
import io.kiln.engine.optim.Optimizer;
import io.kiln.engine.tensor.Dtype;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FirstValuesTest {
  private static final long SEED = 7;

  private static Model model() throws Exception {
    return ModelFamilies.parse(
            "model",
            new ObjectMapper()
                .readTree(
                    """
                    {"model_type": "gpt2", "n_layer": 3, "n_head": 2, "n_embd": 32,
                     "n_positions": 16, "vocab_size": 31}
                    """),
            DataSizes.unknown())
        .model();
  }

  /** A piece of a parameter that a rank drew. */
  private record Drawn(String parameter, long begin, long elements) {}

  /** What a rank drew, and what its blocks compute with then. */
  private record Outcome(List<Drawn> drawn, Map<String, float[]> values) {}

  private static Outcome initialize(Communicator communicator, int stage, Dtype dtype)
      throws Exception {
    ZeroOptions options =
        new ZeroOptions(
            ZeroStage.of(stage), dtype, false, Optional.empty(), true, 0, 1, Long.MAX_VALUE);
    ParameterInitializer initializer = new ParameterInitializer(SEED);
    List<Drawn> drawn = new ArrayList<>();
    Map<String, float[]> values = new LinkedHashMap<>();
    try (PointerScope scope = new PointerScope();
        Model model = model();
        Optimizer optimizer = Optimizer.of(new OptimizerConfig.Lion(1e-3, 0.9, 0.99, 0));
        ShardedParameters parameters =
            new ShardedParameters(
                model,
                options,
                communicator,
                new Device("cpu"),
                GroupAssignment.SINGLE,
                optimizer)) {
      parameters.initialize(
          (spec, begin, target) -> {
            drawn.add(new Drawn(spec.name(), begin, target.numel()));
            initializer.fill(spec, begin, target);
          });
      for (int i = 0; i < model.blocks().size(); i++) {
        Weights weights = parameters.blocks().get(i).acquire();
        for (ParameterSpec spec : model.blocks().get(i).parameters()) {
          values.put(spec.name(), floats(weights.get(spec.name())));
        }
      }
    }
    return new Outcome(drawn, values);
  }

  private static float[] floats(Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.numel())];
    new FloatPointer(tensor.detach().to(ScalarType.Float).data_ptr()).get(values);
    return values;
  }

  /** Every parameter whole, from the initializer alone. */
  private static Map<String, float[]> plain(Dtype dtype) throws Exception {
    Map<String, float[]> values = new LinkedHashMap<>();
    try (PointerScope scope = new PointerScope();
        Model model = model()) {
      for (Block block : model.blocks()) {
        for (ParameterSpec spec : block.parameters()) {
          Tensor value = torch.empty(spec.elements());
          new ParameterInitializer(SEED).fill(spec, value);
          values.put(spec.name(), floats(value.to(dtype.scalarType())));
        }
      }
    }
    return values;
  }

  @ParameterizedTest
  @CsvSource({"1, 2", "2, 2", "3, 2", "1, 4", "2, 4", "3, 4"})
  void a_rank_draws_what_it_owns_and_all_ranks_together_every_element_once(int stage, int ranks)
      throws Exception {
    Map<String, int[]> times = new LinkedHashMap<>();
    long owned = 0;
    try (Model model = model()) {
      for (Block block : model.blocks()) {
        owned += FlatLayout.of(block.parameters(), ranks).shardElements();
        for (ParameterSpec spec : block.parameters()) {
          times.put(spec.name(), new int[Math.toIntExact(spec.elements())]);
        }
      }
    }
    for (Outcome rank : LocalRanks.run(ranks, c -> initialize(c, stage, Dtype.FP32))) {
      assertTrue(rank.drawn().stream().mapToLong(Drawn::elements).sum() <= owned);
      for (Drawn piece : rank.drawn()) {
        for (long i = 0; i < piece.elements(); i++) {
          times.get(piece.parameter())[Math.toIntExact(piece.begin() + i)]++;
        }
      }
    }
    times.forEach((name, counts) -> assertTrue(Arrays.stream(counts).allMatch(n -> n == 1), name));
  }

  @ParameterizedTest
  @CsvSource({
    "0, FP32, 2",
    "1, FP32, 2",
    "2, FP32, 2",
    "3, FP32, 1",
    "3, FP32, 2",
    "3, FP32, 4",
    "0, BF16, 4",
    "1, BF16, 4",
    "2, BF16, 4",
    "3, BF16, 4",
  })
  void every_rank_begins_with_the_bits_of_the_seed(int stage, Dtype dtype, int ranks)
      throws Exception {
    Map<String, float[]> plain = plain(dtype);
    for (Outcome rank : LocalRanks.run(ranks, c -> initialize(c, stage, dtype))) {
      assertEquals(plain.keySet(), rank.values().keySet());
      plain.forEach((name, values) -> assertArrayEquals(values, rank.values().get(name), 0f, name));
    }
  }
}
