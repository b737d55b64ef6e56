package io.kiln.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.engine.tensor.Dtype;
import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CausalAttentionTest {
  @ParameterizedTest
  @CsvSource({"4,4,33", "4,2,33", "6,1,64", "2,2,1"})
  void backends_agree_forward_and_backward(int heads, int keyValueHeads, int time) {
    try (PointerScope scope = new PointerScope();
        SequenceTables tables = new SequenceTables(64, Optional.empty(), 8)) {
      torch.manual_seed(1);
      Tensor query = torch.randn(3, time, heads, 8);
      Tensor key = torch.randn(3, time, keyValueHeads, 8);
      Tensor value = torch.randn(3, time, keyValueHeads, 8);
      Tensor gradient = torch.randn(3, time, heads * 8L);
      CausalAttention attention = new CausalAttention(tables, new Dropout(0, 1, 0));
      double[][] fused = run(attention, AttentionBackend.FUSED, gradient, query, key, value);
      double[][] spelled =
          run(attention, AttentionBackend.SPELLED_OUT, gradient, query, key, value);
      for (int i = 0; i < fused.length; i++) {
        assertArrayEquals(fused[i], spelled[i], 2e-5);
      }
    }
  }

  private static double[][] run(
      CausalAttention attention, AttentionBackend backend, Tensor gradient, Tensor... inputs) {
    Tensor[] leaves = new Tensor[3];
    for (int i = 0; i < 3; i++) {
      leaves[i] = inputs[i].clone().requires_grad_(true);
    }
    Tensor output = attention.apply(backend, leaves[0], leaves[1], leaves[2], Pass.evaluation());
    output.backward(gradient, new BoolOptional(false), false, new TensorArrayRefOptional());
    return new double[][] {
      BlockWalk.doubles(output),
      BlockWalk.doubles(leaves[0].grad()),
      BlockWalk.doubles(leaves[1].grad()),
      BlockWalk.doubles(leaves[2].grad())
    };
  }

  @Test
  void both_back_ends_can_be_timed() {
    AttentionTiming timing = AttentionTiming.measure(Dtype.BF16, 1, 8, 2, 4, 3);
    assertEquals(3, timing.fused().size());
    assertTrue(timing.millis(AttentionBackend.FUSED) > 0);
    assertTrue(timing.millis(AttentionBackend.SPELLED_OUT) > 0);
  }

  @Test
  void the_other_back_end_is_faster_only_by_more_than_noise() {
    Optional<AttentionBackend> spelledOut = Optional.of(AttentionBackend.SPELLED_OUT);
    assertEquals(spelledOut, faster(List.of(12.0, 13.0, 12.5), List.of(10.0, 11.0, 10.0)));
    // A tenth in the median is none.
    assertEquals(Optional.empty(), faster(List.of(11.0, 11.0, 11.0), List.of(10.0, 10.0, 10.0)));
    // Slower in one turn of three.
    assertEquals(Optional.empty(), faster(List.of(20.0, 20.0, 9.0), List.of(10.0, 10.0, 10.0)));
    assertEquals(
        Optional.of(AttentionBackend.FUSED),
        new AttentionTiming(List.of(1.0), List.of(2.0)).fasterThan(AttentionBackend.SPELLED_OUT));
  }

  private static Optional<AttentionBackend> faster(List<Double> fused, List<Double> spelledOut) {
    return new AttentionTiming(fused, spelledOut).fasterThan(AttentionBackend.FUSED);
  }

  @Test
  void the_backend_follows_dtype_device_and_dropout() {
    assertEquals(
        AttentionBackend.FUSED, AttentionBackend.choose(ScalarType.Float, false, false).backend());
    assertEquals(
        AttentionBackend.SPELLED_OUT,
        AttentionBackend.choose(ScalarType.BFloat16, false, false).backend());
    assertEquals(
        AttentionBackend.FUSED,
        AttentionBackend.choose(ScalarType.BFloat16, true, false).backend());
    assertEquals(
        AttentionBackend.SPELLED_OUT,
        AttentionBackend.choose(ScalarType.Float, true, true).backend());
  }
}
