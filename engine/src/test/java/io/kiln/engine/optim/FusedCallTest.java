package io.kiln.engine.optim;

import static org.junit.jupiter.api.Assertions.assertThrows;

import io.kiln.engine.tensor.Operator;
import io.kiln.engine.tensor.PointerBalance;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

class FusedCallTest {
  private static final int GRAD_SCALE = 13;

  @Test
  void arguments_that_do_not_fit_the_kernel_leave_nothing_behind() {
    try (PointerScope scope = new PointerScope();
        Operator adamw = Operator.named("aten::_fused_adamw_")) {
      Tensor flat = torch.zeros(8);
      Slice slice = new Slice(flat, flat, List.of(flat, flat), new Rates(0.1, 0, 0.9, 0.999));
      FusedCall.Arguments wrong = (slices, steps) -> new Object[] {FusedCall.parameters(slices), 7};
      FusedCall.Arguments none =
          (slices, steps) -> {
            throw new IllegalArgumentException("no arguments");
          };
      for (FusedCall.Arguments arguments : List.of(wrong, none)) {
        PointerBalance.assertKept(
            () ->
                assertThrows(
                    IllegalArgumentException.class,
                    () -> new FusedCall(adamw, List.of(slice), GRAD_SCALE, arguments)));
      }
    }
  }
}
