package io.kiln.engine.tensor;

import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.LayoutOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Makes tensors, into the {@link org.bytedeco.javacpp.PointerScope} that the caller has open. */
public final class Tensors {
  private Tensors() {}

  /** Zeros of {@code shape}. */
  public static Tensor zeros(ScalarType type, Device device, long... shape) {
    return torch.zeros(
        shape,
        new ScalarTypeOptional(type),
        new LayoutOptional(),
        new DeviceOptional(device),
        new BoolOptional(false));
  }

  /** A tensor of no dimension that holds {@code value}. */
  public static Tensor scalar(double value, ScalarType type, Device device) {
    return zeros(type, device).fill_(new Scalar(value));
  }
}
