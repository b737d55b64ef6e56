package io.kiln.engine.model;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * One link of the chain that a model is. Everything that saves memory or uses several machines acts
 * between two blocks; a block itself is a function of its weights and its input.
 */
public interface Block extends AutoCloseable {
  /**
   * What it needs, in the order in which it lies in the flat tensor. Names are unique in a block.
   */
  List<ParameterSpec> parameters();

  /**
   * Parameters of earlier blocks that this one reads too (a tied head reads the token embedding).
   * They arrive in {@link Weights} under their own names.
   */
  default List<Borrowed> borrows() {
    return List.of();
  }

  /**
   * Computes the block's output. Allocates freely inside the caller's scope; closes nothing.
   *
   * @param weights views of the block's parameters
   * @param input what the block before gave: {@code [batch, time, hidden]}; token ids {@code
   *     [batch, time]} (int64) or features {@code [batch, features]} for the first
   * @param pass what else the computation depends on
   * @return {@code [batch, time, hidden]}; logits {@code [batch, time, vocabulary]} from the last
   */
  Tensor forward(Weights weights, Tensor input, Pass pass);

  /** Frees what the block keeps between passes (masks and the like). May be called twice. */
  @Override
  default void close() {}
}
