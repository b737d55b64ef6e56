package io.kiln.engine.model;

import io.kiln.engine.tensor.NativeOwner;
import io.kiln.engine.tensor.Tensors;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;

/** What training makes small. Belongs to a model, which closes it. */
public interface Objective extends AutoCloseable {
  /**
   * Sum (not mean) of the losses over the valid targets: who calls divides by the number of valid
   * targets in the whole global batch, counted first.
   *
   * @param output the last block's, {@code [batch, time, vocabulary]} or {@code [batch, outputs]}
   * @param targets {@code [batch, time]} int64 with {@link #IGNORED} where there is none; class ids
   *     {@code [batch]} or values {@code [batch, outputs]} for feature models
   * @return a scalar, fp32
   */
  Tensor lossSum(Tensor output, Tensor targets);

  /**
   * The same with its gradient, by autograd where an objective knows no shorter way.
   *
   * @param output as above; its values may be overwritten
   * @param factor what the loss is multiplied by before backward
   * @param holder owns the gradient; nothing else outlives this
   */
  default Scored score(Tensor output, Tensor targets, double factor, NativeOwner holder) {
    try (PointerScope scope = new PointerScope()) {
      Tensor leaf = output.detach().set_requires_grad(true);
      Tensor loss = lossSum(leaf, targets);
      double lossSum = loss.item().toDouble();
      loss.backward(
          Tensors.scalar(factor, loss.scalar_type(), loss.device()),
          new BoolOptional(false),
          false,
          new TensorArrayRefOptional());
      // grad() is a reference into the leaf, which does not live as long.
      return new Scored(lossSum, holder.own(new Tensor(leaf.grad())));
    }
  }

  @Override
  default void close() {}

  /** A target that does not count. */
  long IGNORED = -100;
}
