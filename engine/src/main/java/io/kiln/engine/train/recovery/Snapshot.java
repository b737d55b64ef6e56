package io.kiln.engine.train.recovery;

import io.kiln.engine.checkpoint.Piece;
import io.kiln.engine.tensor.NativeOwner;
import io.kiln.engine.tensor.Tensors;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A copy of a rank's pieces in host memory, made once and overwritten at every {@link #take}, so
 * that the next step can move the originals while this is written.
 */
final class Snapshot implements AutoCloseable {
  /** 64 bytes of fp32. */
  private static final long ALIGNMENT = 16;

  private final NativeOwner owner = new NativeOwner();
  private final List<Tensor> live = new ArrayList<>();
  private final List<Tensor> copies = new ArrayList<>();
  private final List<Piece> pieces = new ArrayList<>();
  private final long bytes;

  /**
   * Allocates it.
   *
   * @param originals whose tensors outlive this
   */
  Snapshot(List<Piece> originals) {
    long elements = 0;
    for (Piece piece : originals) {
      elements += piece.values().size() * aligned(piece.elements());
    }
    this.bytes = elements * Float.BYTES;
    try (PointerScope scope = new PointerScope();
        Device cpu = new Device("cpu")) {
      Tensor memory = owner.own(Tensors.zeros(ScalarType.Float, cpu, elements));
      long at = 0;
      for (Piece piece : originals) {
        Map<String, Tensor> values = new LinkedHashMap<>();
        for (Map.Entry<String, Tensor> value : piece.values().entrySet()) {
          Tensor copy = owner.own(memory.narrow(0, at, piece.elements()));
          live.add(value.getValue());
          copies.add(copy);
          values.put(value.getKey(), copy);
          at += aligned(piece.elements());
        }
        pieces.add(new Piece(piece.parameter(), piece.begin(), piece.elements(), values));
      }
    } catch (RuntimeException | Error e) {
      owner.close();
      throw e;
    }
  }

  private static long aligned(long elements) {
    return (elements + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  /** Copies the originals as they are now. */
  void take() {
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      for (int i = 0; i < live.size(); i++) {
        copies.get(i).copy_(live.get(i));
      }
    }
  }

  /** The copies. */
  List<Piece> pieces() {
    return pieces;
  }

  long bytes() {
    return bytes;
  }

  @Override
  public void close() {
    owner.close();
  }
}
