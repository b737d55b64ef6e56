package io.kiln.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ObjectiveTest {
  private static final float[] LOGITS = {1, -2, 0.5f, 3, 0, 0.25f, 2, 2, 2};
  private static final long[] TARGETS = {2, -100, 1};

  @ParameterizedTest
  @EnumSource(
      value = ScalarType.class,
      names = {"Float", "BFloat16"})
  void cross_entropy_is_summed_over_the_valid_targets(ScalarType type) {
    try (PointerScope scope = new PointerScope()) {
      Tensor logits = Tensor.create(LOGITS, 1, 3, 3).to(type).requires_grad_(true);
      Tensor loss = new CrossEntropy().lossSum(logits, Tensor.create(TARGETS, 1, 3));
      double[] wantGradient = new double[9];
      double want = 0;
      for (int row : new int[] {0, 2}) {
        double total = 0;
        for (int c = 0; c < 3; c++) {
          total += Math.exp(LOGITS[3 * row + c]);
        }
        want += Math.log(total) - LOGITS[3 * row + (int) TARGETS[row]];
        for (int c = 0; c < 3; c++) {
          wantGradient[3 * row + c] =
              Math.exp(LOGITS[3 * row + c]) / total - (c == TARGETS[row] ? 1 : 0);
        }
      }
      assertEquals(ScalarType.Float, loss.scalar_type().intern());
      assertEquals(want, loss.item_double(), 1e-5);
      loss.backward();
      assertArrayEquals(
          wantGradient, BlockWalk.doubles(logits.grad()), type == ScalarType.Float ? 1e-6 : 4e-3);
    }
  }

  @Test
  void squared_error_averages_over_outputs_and_passes_over_fillers() {
    try (PointerScope scope = new PointerScope()) {
      Tensor output = Tensor.create(new float[] {1, 2, 3, 4, 9, 9}, 3, 2).requires_grad_(true);
      float nan = Float.NaN;
      Tensor targets = Tensor.create(new float[] {0, 4, 3, 1, nan, nan}, 3, 2);
      Tensor loss = new MeanSquaredError().lossSum(output, targets);
      assertEquals((1 + 4 + 0 + 9) / 2.0, loss.item_double(), 1e-6);
      loss.backward();
      assertArrayEquals(new double[] {1, -2, 0, 3, 0, 0}, BlockWalk.doubles(output.grad()), 1e-6);
    }
  }

  @Test
  void a_dense_block_is_its_formula() {
    try (PointerScope scope = new PointerScope()) {
      DenseBlock block = new DenseBlock(0, 2, 2, Optional.of(Activation.RELU), 0);
      Weights weights =
          new Weights(
              java.util.Map.of(
                  "layers.0.weight", Tensor.create(new float[] {1, 2, -3, 1}, 2, 2),
                  "layers.0.bias", Tensor.create(new float[] {0.5f, 1}, 2)));
      Tensor y =
          block.forward(weights, Tensor.create(new float[] {1, -1, 2, 1}, 2, 2), Pass.evaluation());
      assertArrayEquals(new double[] {0, 0, 4.5, 0}, BlockWalk.doubles(y), 1e-6);
    }
  }
}
