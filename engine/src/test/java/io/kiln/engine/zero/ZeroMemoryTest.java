package io.kiln.engine.zero;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.engine.LocalRanks;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.ModelFamilies;
import io.kiln.engine.optim.Optimizer;
import io.kiln.engine.optim.Slice;
import io.kiln.engine.tensor.Dtype;
import io.kiln.engine.tensor.PointerBalance;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ZeroMemoryTest {
  private static final double TOLERANCE = 0.02;

  private static Model model() throws Exception {
    return ModelFamilies.parse(
            "model",
            new ObjectMapper()
                .readTree(
                    """
                    {"model_type": "gpt2", "n_layer": 4, "n_head": 4, "n_embd": 128,
                     "n_positions": 64, "vocab_size": 65}
                    """),
            DataSizes.unknown())
        .model();
  }

  /** Two fp32 numbers beside each parameter, as Adam keeps. */
  private static final Optimizer TWO_STATES =
      new Optimizer() {
        @Override
        public List<String> stateNames() {
          return List.of("exp_avg", "exp_avg_sq");
        }

        @Override
        public void step(long step, List<Slice> slices, double gradientDivisor) {}
      };

  private static ZeroOptions options(int stage, Dtype dtype, boolean accumulates) {
    return new ZeroOptions(
        ZeroStage.of(stage),
        dtype,
        accumulates,
        Optional.empty(),
        true,
        0,
        Long.MAX_VALUE,
        Long.MAX_VALUE);
  }

  private static Map<MemoryKind, Long> allocated(
      Model model, ZeroOptions options, Communicator communicator) {
    try (PointerScope scope = new PointerScope();
        ShardedParameters parameters =
            new ShardedParameters(
                model,
                options,
                communicator,
                new Device("cpu"),
                GroupAssignment.SINGLE,
                TWO_STATES)) {
      return parameters.bytes();
    }
  }

  /**
   * Rajbhandari et al. 2020, section 5: with P parameters on N ranks, mixed precision and Adam (K =
   * 12) hold 2P + 2P + 12P bytes at stage 0, 2P + 2P + 12P/N at 1, 2P + (2P + 12P)/N at 2 and (2P +
   * 2P + 12P)/N at 3. Kiln reduces gradients in fp32, so an owner's shard of them takes 4P/N beside
   * (stages 0 and 1) or instead of (2 and 3) the 2P. In fp32 the parameters are the master weights:
   * 4, 4 and 8 bytes each.
   */
  @ParameterizedTest
  @CsvSource({
    "0, FP32, 2", "1, FP32, 2", "2, FP32, 2", "3, FP32, 2",
    "0, FP32, 4", "1, FP32, 4", "2, FP32, 4", "3, FP32, 4",
    "0, BF16, 2", "1, BF16, 2", "2, BF16, 2", "3, BF16, 2",
    "0, BF16, 4", "1, BF16, 4", "2, BF16, 4", "3, BF16, 4",
  })
  void every_rank_holds_what_the_zero_formulas_say(int stage, Dtype dtype, int ranks)
      throws Exception {
    Model model = model();
    double p = model.parameterCount();
    boolean narrow = dtype != Dtype.FP32;
    double working = narrow ? 2 * p : 4 * p;
    double parameters = stage == 3 ? working / ranks : working;
    double optimizer = (narrow ? 12 * p : 8 * p) / (stage == 0 ? 1 : ranks);
    double reduced = 4 * p / (stage == 0 ? 1 : ranks);
    double gradients = stage >= 2 ? reduced : narrow ? 2 * p + reduced : 4 * p;

    for (Map<MemoryKind, Long> bytes :
        LocalRanks.run(ranks, c -> allocated(model, options(stage, dtype, false), c))) {
      assertClose(parameters, bytes.get(MemoryKind.PARAMETERS));
      assertClose(gradients, bytes.get(MemoryKind.GRADIENTS));
      assertClose(optimizer, bytes.get(MemoryKind.OPTIMIZER));
    }
  }

  /**
   * Buffers do not grow with depth: two for the decoder layers, one for the embedding that the tied
   * head borrows; the other blocks share.
   */
  @Test
  void gathered_buffers_and_buckets_hold_two_layers_and_the_embedding() throws Exception {
    double layer = 12.0 * 128 * 128 + 13 * 128;
    double embedding = (65 + 64) * 128.0;
    Map<MemoryKind, Long> bytes =
        LocalRanks.run(2, c -> allocated(model(), options(3, Dtype.BF16, false), c)).get(0);
    assertClose(2 * (2 * layer + embedding), bytes.get(MemoryKind.GATHERED));
    assertClose(2 * (2 * layer + embedding), bytes.get(MemoryKind.BUCKETS));
  }

  @Test
  void a_bound_on_live_parameters_takes_one_of_the_two_buffers_away() throws Exception {
    ZeroOptions bounded =
        new ZeroOptions(
            ZeroStage.of(3), Dtype.FP32, false, Optional.empty(), true, 0, Long.MAX_VALUE, 300_000);
    double layer = 12.0 * 128 * 128 + 13 * 128;
    double embedding = (65 + 64) * 128.0;
    Map<MemoryKind, Long> bytes = LocalRanks.run(2, c -> allocated(model(), bounded, c)).get(0);
    assertClose(4 * (layer + embedding), bytes.get(MemoryKind.GATHERED));
  }

  @Test
  void gradients_that_accumulate_before_they_leave_do_so_in_fp32() throws Exception {
    double p = model().parameterCount();
    Map<MemoryKind, Long> bytes =
        LocalRanks.run(2, c -> allocated(model(), options(1, Dtype.BF16, true), c)).get(0);
    assertClose(4 * p, bytes.get(MemoryKind.GRADIENTS));
  }

  @ParameterizedTest
  @CsvSource({"0, FP32, 1", "1, BF16, 2", "2, FP16, 3", "3, BF16, 4", "3, FP32, 2"})
  void the_plan_predicts_the_ledger_to_the_byte(int stage, Dtype dtype, int ranks)
      throws Exception {
    Model model = model();
    for (boolean accumulates : new boolean[] {false, true}) {
      ZeroOptions options =
          new ZeroOptions(
              ZeroStage.of(stage),
              dtype,
              accumulates,
              Optional.of(Dtype.BF16),
              true,
              100_000,
              Long.MAX_VALUE,
              Long.MAX_VALUE);
      Map<MemoryKind, Long> planned = new ZeroMemory(model, ranks, options, 2).bytes();
      for (Map<MemoryKind, Long> bytes : LocalRanks.run(ranks, c -> allocated(model, options, c))) {
        assertEquals(planned, bytes);
      }
    }
  }

  @Test
  void everything_is_freed_when_it_is_closed() throws Exception {
    Model model = model();
    PointerBalance.assertKept(
        () -> LocalRanks.run(2, c -> allocated(model, options(3, Dtype.BF16, false), c)));
  }

  private static void assertClose(double expected, long actual) {
    assertTrue(
        Math.abs(actual - expected) <= TOLERANCE * expected,
        () -> "%d bytes, the formula says %.0f".formatted(actual, expected));
  }
}
