package io.kiln.engine.tensor;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Argument;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.FunctionSchema;
import org.bytedeco.pytorch.GenericList;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.OperatorHandleOptional;
import org.bytedeco.pytorch.OperatorName;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.Type;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.global.torch.TypeKind;

/**
 * An ATen operator found by name, for those that the generated Java class lacks.
 *
 * <p>Arguments are given in the order of the operator's schema: a {@link Tensor}, a {@link List}
 * (of tensors or numbers), a {@link Number}, {@link Boolean}, {@link String}, {@link ScalarType},
 * or {@code null} for none. What is left out at the end takes the schema's default.
 *
 * <p>An operator that is called with the same tensors again and again is cheaper {@link #bind
 * bound}. Not for use by several threads at once. {@link #close()} frees it, whatever scope it was
 * made in.
 */
public final class Operator implements AutoCloseable {
  private record Parameter(String name, TypeKind kind, Type.TypePtr elementType) {}

  private final String name;
  private final OperatorHandle handle;
  private final List<Parameter> parameters;
  private final List<IValue> defaults;
  private final int results;

  private Operator(
      String name,
      OperatorHandle handle,
      List<Parameter> parameters,
      List<IValue> defaults,
      int results) {
    this.name = name;
    this.handle = handle;
    this.parameters = parameters;
    this.defaults = defaults;
    this.results = results;
  }

  /**
   * @param qualifiedName such as {@code aten::_fused_adamw_}, an overload after a dot ({@code
   *     aten::_fused_adamw_.tensor_lr})
   * @throws IllegalArgumentException if this libtorch has none of that name
   */
  public static Operator named(String qualifiedName) {
    int dot = qualifiedName.indexOf('.');
    String base = dot < 0 ? qualifiedName : qualifiedName.substring(0, dot);
    String overload = dot < 0 ? "" : qualifiedName.substring(dot + 1);
    try (PointerScope scope = new PointerScope()) {
      OperatorHandleOptional found =
          Dispatcher.singleton().findSchema(new OperatorName(base, overload));
      if (!found.has_value()) {
        throw new IllegalArgumentException(
            "this libtorch has no operator " + qualifiedName + ": check its name and overload");
      }
      OperatorHandle handle = new OperatorHandle(found.get());
      handle.retainReference();
      FunctionSchema schema = handle.schema();
      Argument arguments = schema.arguments();
      List<Parameter> parameters = new ArrayList<>();
      List<IValue> defaults = new ArrayList<>();
      for (long i = 0; i < arguments.limit(); i++) {
        Argument argument = arguments.getPointer(i);
        Type type = argument.type().get();
        while (kind(type) == TypeKind.OptionalType) {
          type = type.containedType(0).get();
        }
        Type.TypePtr element = null;
        if (kind(type) == TypeKind.ListType) {
          element = new Type.TypePtr(type.containedType(0));
          element.retainReference();
        }
        parameters.add(new Parameter(argument.name().getString(), kind(type), element));
        IValue standard = null;
        if (argument.default_value().has_value()) {
          standard = new IValue(argument.default_value().get());
          standard.retainReference();
        }
        defaults.add(standard);
      }
      Argument returns = schema.returns(); // null where the operator returns nothing
      int results = returns == null ? 0 : (int) returns.limit();
      return new Operator(qualifiedName, handle, parameters, defaults, results);
    }
  }

  /** Native calls give an enum object of their own, which {@code ==} does not know. */
  private static TypeKind kind(Type type) {
    return type.kind().intern();
  }

  /** Its qualified name. */
  public String name() {
    return name;
  }

  /** Calls it for its effect and drops what it returns. */
  public void run(Object... arguments) {
    try (BoundOperator bound = bind(arguments)) {
      bound.run();
    }
  }

  /** Calls it and returns its first result, which belongs to the caller's scope. */
  public Tensor tensor(Object... arguments) {
    try (BoundOperator bound = bind(arguments)) {
      return bound.tensor();
    }
  }

  /** Calls it and returns all its results, tensors all, which belong to the caller's scope. */
  public List<Tensor> tensors(Object... arguments) {
    try (BoundOperator bound = bind(arguments)) {
      return bound.tensors();
    }
  }

  /**
   * Boxes the arguments once, for many calls. The tensors stay alive as long as the result, which
   * is to be closed before this operator.
   */
  public BoundOperator bind(Object... arguments) {
    if (arguments.length > parameters.size()) {
      throw new IllegalArgumentException(
          name + " takes " + parameters.size() + " arguments, not " + arguments.length);
    }
    List<IValue> boxed = new ArrayList<>(parameters.size());
    // A scope of its own: what the caller's scope had seen could not be freed before that ends.
    try (PointerScope scope = new PointerScope()) {
      for (int i = 0; i < parameters.size(); i++) {
        IValue value = i < arguments.length ? box(i, arguments[i]) : standard(i);
        value.retainReference();
        boxed.add(value);
      }
      return new BoundOperator(this, boxed);
    } catch (RuntimeException e) {
      boxed.forEach(IValue::close);
      throw e;
    }
  }

  OperatorHandle handle() {
    return handle;
  }

  int results() {
    return results;
  }

  /** A new boxed value for the argument at that place, owned by the caller. */
  IValue box(int index, Object value) {
    if (value == null) {
      return new IValue();
    }
    Parameter parameter = parameters.get(index);
    if (value instanceof Tensor tensor && parameter.kind() == TypeKind.TensorType) {
      return new IValue(tensor);
    }
    if (value instanceof List<?> list && parameter.kind() == TypeKind.ListType) {
      return boxList(list, parameter.elementType());
    }
    if (value instanceof Number number) {
      switch (parameter.kind()) {
        case FloatType:
          return new IValue(number.doubleValue());
        case IntType:
          return new IValue(number.longValue());
        case NumberType:
          return boxNumber(number);
        default: // falls to the error below
      }
    }
    if (value instanceof ScalarType type && parameter.kind() == TypeKind.IntType) {
      return new IValue((long) type.value);
    }
    if (value instanceof Boolean flag && parameter.kind() == TypeKind.BoolType) {
      return new IValue(flag);
    }
    if (value instanceof String text && parameter.kind() == TypeKind.StringType) {
      return new IValue(text);
    }
    throw new IllegalArgumentException(
        "argument "
            + parameter.name()
            + " of "
            + name
            + " is a "
            + parameter.kind()
            + ", not a "
            + value.getClass().getSimpleName());
  }

  private IValue standard(int index) {
    IValue standard = defaults.get(index);
    if (standard == null) {
      throw new IllegalArgumentException(
          name + " needs its argument " + parameters.get(index).name());
    }
    return new IValue(standard);
  }

  private static IValue boxNumber(Number number) {
    boolean whole = number instanceof Integer || number instanceof Long;
    try (Scalar scalar =
        whole ? new Scalar(number.longValue()) : new Scalar(number.doubleValue())) {
      return new IValue(scalar);
    }
  }

  private static IValue boxList(List<?> list, Type.TypePtr elementType) {
    try (GenericList boxed = new GenericList(elementType)) {
      boxed.reserve(list.size());
      TypeKind kind = kind(elementType.get());
      for (Object element : list) {
        try (IValue value = boxElement(element, kind)) {
          boxed.push_back(value);
        }
      }
      return new IValue(boxed);
    }
  }

  private static IValue boxElement(Object element, TypeKind kind) {
    if (element == null) {
      return new IValue();
    }
    if (element instanceof Tensor tensor) {
      return new IValue(tensor);
    }
    if (element instanceof Boolean flag) {
      return new IValue(flag);
    }
    if (element instanceof Number number) {
      return kind == TypeKind.FloatType
          ? new IValue(number.doubleValue())
          : kind == TypeKind.NumberType ? boxNumber(number) : new IValue(number.longValue());
    }
    throw new IllegalArgumentException(
        "a list argument cannot hold a " + element.getClass().getSimpleName());
  }

  @Override
  public void close() {
    defaults.stream().filter(v -> v != null).forEach(IValue::close);
    parameters.stream()
        .map(Parameter::elementType)
        .filter(t -> t != null)
        .forEach(Type.TypePtr::close);
    handle.close();
  }

  @Override
  public String toString() {
    return name;
  }
}
