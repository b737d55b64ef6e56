package io.kiln.engine.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

class OperatorTest {
  private static float[] floats(Tensor t) {
    float[] values = new float[(int) t.numel()];
    t.data_ptr_float().get(values);
    return values;
  }

  private static Tensor tensor(float... values) {
    return torch.tensor(values);
  }

  @Test
  void one_step_of_fused_adamw_moves_by_the_learning_rate_after_decay() {
    // First step: m/(1-b1) = g and sqrt(v/(1-b2)) = |g|, so p <- p(1 - lr wd) - lr sign(g) (eps 0).
    try (PointerScope scope = new PointerScope();
        Operator adamw = Operator.named("aten::_fused_adamw_")) {
      Tensor p = tensor(1f, -2f);
      Tensor g = tensor(0.5f, -4f);
      adamw.run(
          List.of(p),
          List.of(g),
          List.of(tensor(0, 0)),
          List.of(tensor(0, 0)),
          List.of(),
          List.of(torch.tensor(1f)),
          0.1,
          0.9,
          0.999,
          0.5,
          0.0,
          false,
          false,
          null,
          null);
      assertArrayEquals(new float[] {0.95f - 0.1f, -1.9f + 0.1f}, floats(p), 1e-6f);
    }
  }

  @Test
  void arguments_left_out_take_the_default_and_an_overload_comes_after_a_dot() {
    try (PointerScope scope = new PointerScope();
        Operator add = Operator.named("aten::add.Tensor")) {
      assertArrayEquals(new float[] {11, 22}, floats(add.tensor(tensor(1, 2), tensor(10, 20))));
      assertArrayEquals(new float[] {6, 12}, floats(add.tensor(tensor(1, 2), tensor(10, 20), 0.5)));
    }
  }

  @Test
  void lists_of_numbers_and_several_results() {
    try (PointerScope scope = new PointerScope();
        Operator reshape = Operator.named("aten::reshape");
        Operator max = Operator.named("aten::max.dim")) {
      Tensor square = reshape.tensor(tensor(1, 4, 3, 2), List.of(2, 2));
      assertEquals(2, square.dim());
      List<Tensor> both = max.tensors(square, 1);
      assertArrayEquals(new float[] {4, 3}, floats(both.get(0)));
      assertEquals(1, both.get(1).select(0, 0).item_long());
      assertEquals(0, both.get(1).select(0, 1).item_long());
    }
  }

  @Test
  void a_bound_operator_keeps_its_tensors_and_takes_new_scalars() {
    try (PointerScope outer = new PointerScope();
        Operator add = Operator.named("aten::add_.Tensor")) {
      Tensor sum = tensor(0, 0);
      BoundOperator bound;
      try (PointerScope inner = new PointerScope()) {
        bound = add.bind(sum, tensor(1, 2), 1);
      }
      try (bound) {
        bound.run();
        bound.set(2, 10).run();
        assertArrayEquals(new float[] {11, 22}, floats(sum));
      }
    }
  }

  private static Operator madeInAScope(String name) {
    try (PointerScope scope = new PointerScope()) {
      return Operator.named(name);
    }
  }

  @Test
  void nothing_is_left_behind() {
    Tensor x = tensor(1, 2);
    Operator outlives = madeInAScope("aten::_foreach_add_.Scalar");
    outlives.run(List.of(x), 1);
    PointerBalance.assertKept(
        () -> {
          outlives.run(List.of(x), 1);
          try (Operator twice = Operator.named("aten::_foreach_mul_.Scalar");
              BoundOperator bound = twice.bind(List.of(x), 2)) {
            bound.set(1, 3.0).run();
            assertThrows(IllegalArgumentException.class, () -> twice.bind(List.of(x)));
          }
        });
    outlives.close();
    x.close();
  }

  @Test
  void errors_say_what_and_where() {
    assertEquals(
        "this libtorch has no operator aten::no_such_thing: check its name and overload",
        assertThrows(IllegalArgumentException.class, () -> Operator.named("aten::no_such_thing"))
            .getMessage());
    try (PointerScope scope = new PointerScope();
        Operator mm = Operator.named("aten::mm")) {
      assertEquals(
          "argument mat2 of aten::mm is a TensorType, not a Double",
          assertThrows(IllegalArgumentException.class, () -> mm.run(tensor(1), 2.0)).getMessage());
      String message =
          assertThrows(IllegalStateException.class, () -> mm.run(tensor(1), tensor(1)))
              .getMessage();
      assertTrue(message.startsWith("aten::mm: ") && !message.contains("\n"), message);
    }
  }
}
