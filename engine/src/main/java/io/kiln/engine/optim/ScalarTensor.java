package io.kiln.engine.optim;

import io.kiln.engine.tensor.NativeOwner;
import io.kiln.engine.tensor.Tensors;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** One fp32 number on a device, for kernels that read their scalars there. */
final class ScalarTensor implements AutoCloseable {
  private final NativeOwner owner = new NativeOwner();
  private final Tensor tensor;
  private final FloatPointer host;
  private float value;

  ScalarTensor(Device device) {
    try (PointerScope scope = new PointerScope()) {
      tensor = owner.own(Tensors.zeros(ScalarType.Float, device));
      host = device.is_cpu() ? owner.own(tensor.data_ptr_float()) : null;
    }
  }

  Tensor tensor() {
    return tensor;
  }

  void set(double number) {
    if (value == (float) number) {
      return;
    }
    value = (float) number;
    if (host != null) {
      host.put(value);
    } else {
      try (Scalar scalar = new Scalar(number)) {
        tensor.fill_(scalar);
      }
    }
  }

  @Override
  public void close() {
    owner.close();
  }
}
