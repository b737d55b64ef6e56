package io.kiln.engine.zero;

import io.kiln.engine.tensor.Dtype;
import io.kiln.engine.tensor.NativeOwner;
import io.kiln.engine.tensor.Tensors;
import java.util.EnumMap;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;

/**
 * Makes every long-lived buffer of a rank, counts its bytes where it is made, and frees it. What a
 * rank holds is therefore arithmetic: {@link ZeroMemory} predicts these sums.
 */
public final class MemoryLedger implements AutoCloseable {
  private final NativeOwner owner = new NativeOwner();
  private final Map<MemoryKind, Long> bytes = new EnumMap<>(MemoryKind.class);
  private final Device device;

  public MemoryLedger(Device device) {
    this.device = device;
    for (MemoryKind kind : MemoryKind.values()) {
      bytes.put(kind, 0L);
    }
  }

  /** Zeros, {@code [elements]}, that live until the ledger is closed. */
  public Tensor allocate(MemoryKind kind, Dtype dtype, long elements) {
    try (PointerScope scope = new PointerScope()) {
      Tensor tensor = owner.own(Tensors.zeros(dtype.scalarType(), device, elements));
      bytes.merge(kind, tensor.nbytes(), Long::sum);
      return tensor;
    }
  }

  /** Keeps a view of something that was allocated here; it costs no bytes. */
  Tensor view(Tensor view) {
    return owner.own(view);
  }

  Device device() {
    return device;
  }

  /** Bytes allocated, by kind. */
  public Map<MemoryKind, Long> bytes() {
    return Map.copyOf(bytes);
  }

  @Override
  public void close() {
    owner.close();
  }
}
