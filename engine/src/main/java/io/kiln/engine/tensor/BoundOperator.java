package io.kiln.engine.tensor;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.Tensor;

/**
 * An {@link Operator} with its arguments already boxed: a call costs a few reference counts. Single
 * arguments can be replaced between calls. Holds its tensors alive until closed, whatever scope it
 * was made in.
 */
public final class BoundOperator implements AutoCloseable {
  private final Operator operator;
  private final List<IValue> arguments;
  private final IValueVector stack;

  BoundOperator(Operator operator, List<IValue> arguments) {
    this.operator = operator;
    this.arguments = arguments;
    this.stack = new IValueVector(arguments.size());
    stack.retainReference();
  }

  /**
   * Replaces one argument.
   *
   * @param index its place in the schema, from 0
   */
  public BoundOperator set(int index, Object value) {
    try (PointerScope scope = new PointerScope()) {
      IValue boxed = operator.box(index, value);
      boxed.retainReference();
      arguments.set(index, boxed).close();
    }
    return this;
  }

  /** Calls the operator for its effect and drops what it returns. */
  public void run() {
    call();
    stack.resize(0);
  }

  /** Calls the operator; the first result, which belongs to the caller's scope. */
  public Tensor tensor() {
    if (operator.results() == 0) {
      throw new IllegalStateException(operator.name() + " returns nothing");
    }
    call();
    Tensor result = result(0);
    stack.resize(0);
    return result;
  }

  /** Calls the operator; all results, tensors all, which belong to the caller's scope. */
  public List<Tensor> tensors() {
    call();
    List<Tensor> all = new ArrayList<>(operator.results());
    for (int i = 0; i < operator.results(); i++) {
      all.add(result(i));
    }
    stack.resize(0);
    return all;
  }

  private Tensor result(int index) {
    IValue value = stack.get(index);
    if (!value.isTensor()) {
      throw new IllegalStateException(
          "result " + index + " of " + operator.name() + " is no tensor");
    }
    return new Tensor(value.toTensor());
  }

  private void call() {
    stack.resize(arguments.size());
    for (int i = 0; i < arguments.size(); i++) {
      stack.put(i, arguments.get(i));
    }
    try {
      operator.handle().callBoxed(stack);
    } catch (RuntimeException e) {
      stack.resize(0);
      String message = String.valueOf(e.getMessage());
      throw new IllegalStateException(
          operator.name() + ": " + message.lines().findFirst().orElse(""), e);
    }
  }

  @Override
  public void close() {
    arguments.forEach(IValue::close);
    stack.close();
  }
}
