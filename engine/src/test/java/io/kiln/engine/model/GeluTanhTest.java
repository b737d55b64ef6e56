package io.kiln.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GeluTanhTest {
  private static double gelu(double x) {
    return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
  }

  /** 70,000 is more than one piece and no multiple of it. */
  @ParameterizedTest
  @CsvSource({"Float,5,1e-6", "Float,70000,1e-6", "BFloat16,70000,5e-3"})
  void value_and_derivative_are_those_of_the_formula(
      ScalarType type, int elements, double tolerance) {
    try (PointerScope scope = new PointerScope()) {
      Tensor x =
          torch.linspace(new Scalar(-9.0), new Scalar(9.0), elements).to(type).requires_grad_(true);
      Tensor y = GeluTanh.apply(x.mul(new Scalar(1.0)));
      y.sum().backward();
      double[] at = BlockWalk.doubles(x);
      double[] value = BlockWalk.doubles(y);
      double[] derivative = BlockWalk.doubles(x.grad());
      double h = 1e-6;
      for (int i = 0; i < elements; i++) {
        double want = gelu(at[i]);
        assertEquals(want, value[i], tolerance * (1 + Math.abs(want)), "at " + at[i]);
        assertEquals(
            (gelu(at[i] + h) - gelu(at[i] - h)) / (2 * h),
            derivative[i],
            // 1 - sigmoid has an absolute error of half an ulp of 1, times up to 60 here.
            tolerance + 4e-6,
            "derivative at " + at[i]);
      }
    }
  }

  @Test
  void far_out_values_stay_finite() {
    try (PointerScope scope = new PointerScope()) {
      float[] far = {-1e15f, -3e4f, -40, 40, 3e4f, 1e12f};
      Tensor x = Tensor.create(far, 6).requires_grad_(true);
      Tensor y = GeluTanh.apply(x);
      y.sum().backward();
      assertArrayEquals(new double[] {0, 0, 0, 40, 3e4, 1e12f}, BlockWalk.doubles(y), 1e-3);
      assertArrayEquals(new double[] {0, 0, 0, 1, 1, 1}, BlockWalk.doubles(x.grad()), 1e-6);
    }
  }

  @Test
  void without_gradients_it_is_the_same_function() {
    try (PointerScope scope = new PointerScope()) {
      Tensor x = torch.randn(3, 100).requires_grad_(true);
      double[] with = BlockWalk.doubles(GeluTanh.apply(x));
      try (NoGradGuard guard = new NoGradGuard()) {
        assertArrayEquals(with, BlockWalk.doubles(GeluTanh.apply(x)), 1e-6);
      }
    }
  }
}
